/// Three-valued logic (RFC 4511 section 4.5.1): nil is Undefined.
extension Bool? {
    /// True if both are, false if one is.
    func and(_ other: @autoclosure () -> Bool?) -> Bool? {
        if self == .some(false) { return false }
        switch other() {
        case false?: return false
        case true?: return self
        case nil: return nil
        }
    }

    /// True if one is, false if both are.
    func or(_ other: @autoclosure () -> Bool?) -> Bool? {
        if self == .some(true) { return true }
        switch other() {
        case true?: return true
        case false?: return self
        case nil: return nil
        }
    }

    /// What a judgement says of a component that may be missing: nothing asked, nothing against it.
    static func unless<Asked>(_ asked: Asked?, _ judge: (Asked) -> Bool?) -> Bool? {
        guard let asked else { return true }
        return judge(asked)
    }
}
