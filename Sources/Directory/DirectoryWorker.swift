/// What one thread (an event loop or a search thread) needs to read the directory: a reader transaction, name caches, scratch space.
/// Confined to its thread.
public final class DirectoryWorker {
    public init(_ directory: Directory) {}

    /// The snapshot taken by the first read since the last call is given back. To be called at the end of each read burst:
    /// a snapshot that stays makes the file grow.
    public func releaseSnapshot() {}
}
