import LDAP

/// A password that another server knows (semantics 4.1): how it is asked.
public protocol OutsidePassword: AnyObject, Sendable {
    /// Whether the stored password counts where the other server does not say yes (4.1.4).
    var fallsBack: Bool { get }

    /// Asks the other server, and waits for it: never on an event loop.
    /// - Parameter password: not empty.
    func verify(_ password: [UInt8]) -> OutsideVerdict

    /// Called on the same thread once the password is found right, there or here, before the client is let in: what else there is to ask.
    func prepareLogin()
}

/// What another server says of a password.
public enum OutsideVerdict: Sendable, Hashable {
    case right
    case wrong
    /// It could not be asked, or is not known. The reason is for people.
    case unavailable(String)
}

extension Request {
    /// Has another server compare a password, and then perhaps what is stored here.
    func compareElsewhere(_ password: [UInt8], _ attempt: BindAttempt, _ outside: any OutsidePassword) -> Disposition {
        let stored = attempt.account?.passwords ?? []
        let isOpen = attempt.account?.state?.standing == .open
        return .blocking(
            BlockingOperation(
                messageID: messageID, waitsForOthers: true,
                work: {
                    let outcome = Self.outcome(outside.verify(password), outside, password, stored)
                    if outcome.isRight, isOpen { outside.prepareLogin() }
                    return outcome
                },
                finish: { result, session, output in
                    attempt.finish(result as? BindOutcome ?? BindOutcome(), session, &output)
                    return nil
                }))
    }

    private static func outcome(
        _ verdict: OutsideVerdict, _ outside: any OutsidePassword, _ password: [UInt8], _ stored: [StoredPassword]
    ) -> BindOutcome {
        if verdict == .right { return BindOutcome(isRight: true, isOutside: true) }
        if outside.fallsBack { return BindOutcome(isRight: stored.contains { $0.verify(password) }) }
        if case .unavailable(let reason) = verdict { return BindOutcome(problem: reason) }
        return BindOutcome()
    }
}
