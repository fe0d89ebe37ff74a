import ArgumentParser

@main
struct MusterCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "muster")
}
