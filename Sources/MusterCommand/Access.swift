import ArgumentParser
import Directory
import Muster

/// `muster access`
struct Access: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Explain which access rules decide what somebody may do with an entry; also while the directory is being served.",
        discussion: """
            For each attribute: what is allowed, then every rule about it in the order in which they are asked, with the clause that \
            was applied and what it left; last what zimbraACE of entries grants beside the rules. Attributes with the same answer are \
            shown together.
            """)

    @OptionGroup var common: ConfigurationOptions

    @Option(name: .customLong("as"), help: ArgumentHelp("Who wants access: a DN, or \"anonymous\".", valueName: "dn"))
    var client: String

    @Option(help: ArgumentHelp("The entry that is looked at.", valueName: "dn"))
    var entry: String

    @Option(help: ArgumentHelp("An attribute, or \"entry\" or \"children\". (default: all that the entry has)", valueName: "name"))
    var attribute: String?

    @Option(help: ArgumentHelp("A value of the attribute, for rules about certain values.", valueName: "text"))
    var value: String?

    @Option(help: ArgumentHelp("Where the client is: an address, IP=address:port or PATH=file.", valueName: "address"))
    var peer: String?

    @Option(help: ArgumentHelp("Where it was accepted: IP=address:port or PATH=file, for rules with sockname.", valueName: "address"))
    var sockname: String?

    @Option(help: ArgumentHelp("The URL of the listener, for rules with sockurl.", valueName: "url"))
    var sockurl: String?

    @Option(help: ArgumentHelp("Strength of its connection's encryption in bits.", valueName: "bits"))
    var ssf = 0

    func validate() throws {
        if value != nil, attribute == nil { throw ValidationError("--value needs --attribute") }
        if ssf < 0 { throw ValidationError("--ssf: not a number of bits") }
    }

    func run() async throws {
        try await reportingErrors {
            let configuration = try await common.load()
            var question = AccessQuestion(client: client.lowercased() == "anonymous" ? nil : client, entry: entry)
            question.attribute = attribute
            question.value = value
            question.strength = ssf
            if let peer { question.peer = Self.peer(peer) }
            if let sockname { question.listenerName = sockname }
            if let sockurl { question.listenerURL = sockurl }
            Console.line("\(client) on \(entry.isEmpty ? "the root of the tree" : entry)")
            var groups: [(names: [String], first: AccessExplanation)] = []
            for explanation in try Maintenance.explainAccess(configuration, question) {
                if let place = groups.firstIndex(where: { Self.isAlike($0.first, explanation) }) {
                    groups[place].names.append(explanation.attribute)
                } else {
                    groups.append(([explanation.attribute], explanation))
                }
            }
            for (names, explanation) in groups { Self.show(names, explanation) }
        }
    }

    /// As slapd writes where a client is.
    private static func peer(_ text: String) -> String {
        if text.contains("=") { return text }
        if text.hasPrefix("/") { return "PATH=" + text }
        return text.contains(":") ? "IP=[\(text)]:0" : "IP=\(text):0"
    }

    private static func isAlike(_ a: AccessExplanation, _ b: AccessExplanation) -> Bool {
        a.steps == b.steps && a.reasons == b.reasons && a.granted == b.granted && a.privileges == b.privileges
            && a.dependsOnValue == b.dependsOnValue
    }

    private static func show(_ names: [String], _ explanation: AccessExplanation) {
        Console.line("")
        Console.line("\(names.joined(separator: ", ")): \(explanation.privileges)")
        for step in explanation.steps {
            Console.line("  rule \(step.rule) (\(step.place)) to \(shortened(step.target))")
            guard let clause = step.clause else {
                Console.line("    no clause is for this client: none, stop")
                continue
            }
            Console.line("    by \(clause): \(step.privileges), \(step.control)")
        }
        switch explanation.steps.last?.control {
        case "stop": break
        case nil where explanation.granted == .all: break
        case nil: Console.line("  no rule is about it: none")
        default: Console.line("  no rule is left: none")
        }
        for reason in explanation.reasons { Console.line("  granted: \(reason)") }
        if explanation.dependsOnValue { Console.line("  rules about certain values may decide otherwise: ask with --value") }
    }

    private static func shortened(_ text: String) -> String { text.count > 100 ? String(text.prefix(97)) + "..." : text }
}
