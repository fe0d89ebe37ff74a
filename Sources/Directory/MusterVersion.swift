/// The version of this software, the same wherever it is told.
public enum MusterVersion {
    public static let current = "0.1.0"
}
