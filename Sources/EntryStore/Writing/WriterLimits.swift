/// How much goes into one transaction of the ``Writer``, and how much may wait for it.
public struct WriterLimits: Sendable, Hashable {
    /// Changes in one transaction at most.
    public var operations = 512
    /// No further change joins a transaction whose requests have so many bytes together.
    public var bytes = 8 << 20
    /// No further change joins a transaction that has been worked on for so long, in milliseconds.
    public var milliseconds = 50
    /// Bytes of requests that may wait; further changes are refused.
    public var waitingBytes = 256 << 20

    /// Changes in a second, for each processor, that are made while many look-ups are; 0: as many as can be. See ``LookupPriority``.
    public var besideLookups = 600

    public init() {}
}
