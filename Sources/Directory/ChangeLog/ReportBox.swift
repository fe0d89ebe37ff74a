import Synchronization

/// Hands a report from the writer's thread to who waits for it.
final class ReportBox: Sendable {
    private let report = Mutex(RestorationReport())

    func set(_ new: RestorationReport) { report.withLock { $0 = new } }
    func get() -> RestorationReport { report.withLock { $0 } }
}
