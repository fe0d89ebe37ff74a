import ArgumentParser
import Muster

/// `muster import`
struct Import: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Load LDIF files into a directory that is not being served.",
        discussion: """
            A whole tree, or entries added to what is there; parents and children in any order. If anything in the files is not \
            acceptable, the directory stays as it was and the message names file, line, entry and reason.
            """)

    @OptionGroup var common: ConfigurationOptions

    @Argument(help: ArgumentHelp("LDIF files.", valueName: "file"))
    var files: [String]

    func run() async throws {
        try await reportingErrors {
            let configuration = try await common.load()
            var meter = ProgressMeter()
            let count: Int
            do {
                count = try Maintenance.importFiles(files, into: configuration) { meter.show($0) }
            } catch {
                meter.clear()
                throw error
            }
            meter.clear()
            Console.line("imported \(count) entries in \(meter.elapsedText)")
        }
    }
}

/// Shows how far an import is: on a terminal one line that changes, else a line every five seconds.
struct ProgressMeter {
    private let start = ContinuousClock.now
    private var stageStart = ContinuousClock.now
    private var stage = ""
    private var lastShown: ContinuousClock.Instant?
    private var isShowing = false

    mutating func show(_ progress: ImportProgress) {
        let now = ContinuousClock.now
        if progress.stage != stage {
            stage = progress.stage
            stageStart = now
            lastShown = nil
        }
        let interval = Console.isTerminal ? Duration.milliseconds(200) : .seconds(5)
        if let lastShown, now - lastShown < interval { return }
        lastShown = now
        let text = Self.text(progress, elapsed: now - stageStart)
        if Console.isTerminal {
            Console.status(text)
            isShowing = true
        } else {
            Console.error(text)
        }
    }

    /// `reading: 42000 entries, 61000/s, 0:12 left`
    static func text(_ progress: ImportProgress, elapsed: Duration) -> String {
        let seconds = Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) * 1e-18
        var text = "\(progress.stage): \(progress.entries) entries"
        if seconds > 0.1 {
            text += ", \(Int(Double(progress.entries) / seconds))/s"
            if let fraction = progress.fraction, fraction > 0.001, fraction <= 1 {
                text += ", \(clock(seconds * (1 - fraction) / fraction)) left"
            }
        }
        return text
    }

    mutating func clear() {
        if isShowing { Console.status("") }
        isShowing = false
    }

    var elapsedText: String {
        let elapsed = (ContinuousClock.now - start).components
        return "\(elapsed.seconds).\(elapsed.attoseconds / 100_000_000_000_000_000) s"
    }

    private static func clock(_ seconds: Double) -> String {
        let whole = Int(min(seconds, 359_999))
        let rest = whole % 60
        return "\(whole / 60):" + (rest < 10 ? "0" : "") + "\(rest)"
    }
}
