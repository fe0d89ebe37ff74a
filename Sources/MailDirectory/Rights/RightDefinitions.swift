import EntryStore
import Schema

/// What an entry is for rights (10.2).
enum RightTarget: String, Sendable, CaseIterable {
    case account, resource = "calresource", list = "dl", group, domain, classOfService = "cos", server, config, zimlet, global

    /// Whether grants of rights on such entries are looked for on their domain too.
    var hasDomain: Bool { self == .account || self == .resource || self == .list || self == .group }
}

/// A right: what it is about, and what it means for the directory.
struct RightDefinition: Sendable {
    enum Meaning: Sendable {
        /// Nothing that a directory could enforce.
        case nothing
        /// To see that the entry exists, its names and addresses.
        case list
        /// To add entries of a kind to a domain (or to the whole).
        case create(RightTarget)
        case delete, rename, setPassword
        /// To add or take away values of some attributes.
        case add([String]), remove([String])
        /// To read attributes; nil: all.
        case get([String]?)
        /// To write attributes, and to read them; nil: all.
        case set([String]?)
        /// To write the attributes with the flag `domainAdminModifiable` (10.8).
        case setDomainAdminAttributes
        /// To change members and settings of a list (10.6).
        case own
        /// Several rights together.
        case combination([String])
    }

    let name: String
    let targets: Set<RightTarget>
    let meaning: Meaning
    /// Whether anybody can hold it, not delegated administrators only.
    let isUserRight: Bool
    /// Of a user right: what holds where nobody has granted it on the way (10.2).
    let isAllowedByDefault: Bool
    /// Whether it can be granted only on the target itself.
    let isForTargetOnly: Bool

    private init(
        _ name: String, _ targets: Set<RightTarget>, _ meaning: Meaning, isUserRight: Bool = false, isAllowedByDefault: Bool = false,
        isForTargetOnly: Bool = false
    ) {
        self.name = name
        self.targets = targets
        self.meaning = meaning
        self.isUserRight = isUserRight
        self.isAllowedByDefault = isAllowedByDefault
        self.isForTargetOnly = isForTargetOnly
    }

    /// The right of a name: one of the table, or `get.TARGET.ATTRIBUTE`, `set.TARGET.ATTRIBUTE`. Nil: not known here; it has no effect.
    static func named(_ name: String) -> RightDefinition? {
        if let known = table[name] { return known }
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0] == "get" || parts[0] == "set", let target = RightTarget(rawValue: String(parts[1])), !parts[2].isEmpty
        else { return nil }
        let attributes = [String(parts[2])]
        return RightDefinition(name, [target], parts[0] == "get" ? .get(attributes) : .set(attributes))
    }

    static let aliases = ["zimbraMailAlias", "mail"]
    static let members = ["zimbraMailForwardingAddress", "member"]

    private static let table: [String: RightDefinition] = {
        let people: Set<RightTarget> = [.account, .resource]
        let lists: Set<RightTarget> = [.list, .group]
        func user(_ name: String, _ targets: Set<RightTarget>, _ isAllowed: Bool, own: Bool = false, only: Bool = false) -> RightDefinition {
            RightDefinition(
                name, targets, own ? .own : .nothing, isUserRight: true, isAllowedByDefault: isAllowed, isForTargetOnly: only)
        }
        var all = [
            // 10.2. What is said of lists holds of dynamic ones.
            user("invite", people, true), user("viewFreeBusy", people, true), user("loginAs", people, false),
            user("sendAs", people, false, only: true), user("sendOnBehalfOf", people, false, only: true),
            user("sendAsDistList", lists, false, only: true), user("sendOnBehalfOfDistList", lists, false, only: true),
            user("sendToDistList", lists, true), user("viewDistList", lists, true), user("ownDistList", lists, false, own: true, only: true),
            user("createDistList", [.domain], false),
            RightDefinition(Grant.crossDomainAdmin, [.domain], .nothing),
        ]
        // Rights of administrators.
        let kinds: [(RightTarget, String)] = [
            (.account, "Account"), (.resource, "CalendarResource"), (.list, "DistributionList"), (.group, "Group"), (.domain, "Domain"),
            (.classOfService, "Cos"), (.server, "Server"), (.zimlet, "Zimlet"),
        ]
        var combinations: [String] = []
        for (target, name) in kinds {
            var names: [String] = []
            func right(_ name: String, _ meaning: Meaning, on target: RightTarget) {
                all.append(RightDefinition(name, [target], meaning))
                names.append(name)
            }
            right("list\(name)", .list, on: target)
            right("get\(name)", .get(nil), on: target)
            right("delete\(name)", .delete, on: target)
            if target.hasDomain {
                right("create\(name)", .create(target), on: .domain)
                right("rename\(name)", .rename, on: target)
                right("add\(name)Alias", .add(aliases), on: target)
                right("remove\(name)Alias", .remove(aliases), on: target)
            }
            if target == .account || target == .resource { right("set\(name)Password", .setPassword, on: target) }
            if target == .account { right("changeAccountPassword", .setPassword, on: target) }
            if target == .list || target == .group {
                right("add\(name)Member", .add(members), on: target)
                right("remove\(name)Member", .remove(members), on: target)
            }
            if target.hasDomain || target == .domain {
                if target == .domain { names.removeAll { $0 == "deleteDomain" } }
                right("setDomainAdmin\(name)Attributes", .setDomainAdminAttributes, on: target)
                let combination = "domainAdmin\(name)Rights"
                all.append(RightDefinition(combination, [target, .domain], .combination(names)))
                combinations.append(combination)
            }
            all.append(RightDefinition("modify\(name)", [target], .set(nil)))
        }
        all += [
            RightDefinition("createCos", [.global], .create(.classOfService)), RightDefinition("createServer", [.global], .create(.server)),
            RightDefinition("createTopDomain", [.global], .create(.domain)), RightDefinition("createSubDomain", [.domain], .create(.domain)),
            RightDefinition("getGlobalConfig", [.config], .get(nil)), RightDefinition("modifyGlobalConfig", [.config], .set(nil)),
            RightDefinition("domainAdminRights", [.domain, .account, .resource, .list, .group], .combination(combinations)),
        ]
        return Dictionary(uniqueKeysWithValues: all.map { ($0.name, $0) })
    }()

    /// The rights that a combination consists of; else the right itself.
    var parts: [RightDefinition] {
        guard case .combination(let names) = meaning else { return [self] }
        return names.compactMap { Self.table[$0] }.flatMap(\.parts)
    }

    /// Whether grants of it can stand on an entry: on its targets, and on what these inherit from.
    func isGrantable(on target: RightTarget) -> Bool {
        if targets.contains(target) { return true }
        if isForTargetOnly { return false }
        switch target {
        case .global: return true
        case .domain: return targets.contains(where: \.hasDomain)
        // Administrators' rights on the members of a list, and rights on the lists that a list is in.
        case .list, .group: return !isUserRight && targets.contains(where: \.hasDomain)
        default: return false
        }
    }
}
