import Directory
import Schema

/// Rights on one target as they are decided, from the most specific step of its path to the most general: what was decided at one is not
/// changed by a later one, and at one step the first grant that is tested decides (10.3.6, 10.3.8).
struct Decided {
    private struct Attributes {
        /// Undecided ones are in neither.
        var allowed = Set<AttributeTypeID>()
        var denied = Set<AttributeTypeID>()

        mutating func take(_ types: [AttributeTypeID], isDenied: Bool) {
            for type in types {
                if isDenied {
                    if !allowed.contains(type) { denied.insert(type) }
                } else if !denied.contains(type) {
                    allowed.insert(type)
                }
            }
        }
    }

    private var reads = Attributes()
    private var writes = Attributes()
    private var adds = Attributes()
    private var takesAway = Attributes()
    /// Presets by name.
    private var presets: [String: (right: RightDefinition, isAllowed: Bool)] = [:]

    private(set) var creates = false
    private(set) var removes = false

    func allows(_ what: KeyPath<Decided, Bool>) -> Bool { self[keyPath: what] }

    /// - Parameter kind: what the target is; nil: a container, of which matters only what may be added to it or taken away.
    mutating func take(_ right: RightDefinition, isDenied: Bool, on kind: RightTarget?, _ types: RightTypes, _ schema: Schema) {
        for part in right.parts {
            switch part.meaning {
            case .get, .set, .setDomainAdminAttributes, .add, .remove:
                guard let kind, part.targets.contains(kind) else { continue }
            default: break
            }
            switch part.meaning {
            case .nothing, .combination: break
            case .list, .create, .delete, .rename, .setPassword, .own:
                if presets[part.name] == nil { presets[part.name] = (part, !isDenied) }
            case .get(let names): reads.take(Self.types(names, types, schema), isDenied: isDenied)
            case .set(let names):
                writes.take(Self.types(names, types, schema), isDenied: isDenied)
                if !isDenied { reads.take(Self.types(names, types, schema), isDenied: false) }
            case .setDomainAdminAttributes:
                writes.take(types.domainAdminModifiable, isDenied: isDenied)
                if !isDenied { reads.take(types.domainAdminModifiable, isDenied: false) }
            case .add(let names): adds.take(Self.types(names, types, schema), isDenied: isDenied)
            case .remove(let names): takesAway.take(Self.types(names, types, schema), isDenied: isDenied)
            }
        }
    }

    private static func types(_ names: [String]?, _ types: RightTypes, _ schema: Schema) -> [AttributeTypeID] {
        guard let names else { return types.all }
        return names.compactMap { schema.attributeType(named: $0) }
    }

    /// To be called after each step.
    mutating func finishLevel() {
        for preset in presets.values where preset.isAllowed {
            switch preset.right.meaning {
            case .create: creates = true
            case .delete, .rename: removes = true
            default: break
            }
        }
    }

    /// What it comes to for a target.
    /// - Parameter isNew: whether the entry is only about to be added.
    func write(_ draft: inout AccessGrant.Draft, _ kind: RightTarget, isNew: Bool, _ types: RightTypes) {
        let reading: AccessPrivileges = [.disclose, .compare, .search, .read]
        var isSeen = false
        var isOwned = false
        func see(_ attributes: [AttributeTypeID]) {
            isSeen = true
            for type in attributes { draft.allow(reading, type) }
        }
        for preset in presets.values where preset.isAllowed && (preset.right.targets.contains(kind) || Self.creates(preset.right, kind)) {
            switch preset.right.meaning {
            case .list: see(types.names)
            case .own:
                see(types.names + types.listSettings)
                isOwned = true
            case .create(let created) where created == kind && isNew:
                draft.allowEntry(.add)
                for type in types.created { draft.allow(.add, type) }
            case .delete:
                see(types.names)
                draft.allowEntry(.delete)
            case .rename:
                see(types.names)
                draft.allowEntry(.write)
            case .setPassword: see(types.names)
            default: break
            }
        }
        if !reads.allowed.isEmpty || !writes.allowed.isEmpty { see(types.names) }
        for type in reads.allowed { draft.allow(reading, type) }
        for type in writes.allowed { draft.allow(reading.union(.write), type) }
        if !adds.allowed.isEmpty || !takesAway.allowed.isEmpty { see(types.names) }
        for type in adds.allowed { draft.allow(reading.union(.add), type) }
        for type in takesAway.allowed { draft.allow(reading.union(.delete), type) }
        if isOwned { for type in types.listSettings { draft.allow(reading.union(.write), type) } }
        for type in reads.denied where !writes.allowed.contains(type) { draft.refuse(reading, type) }
        for type in writes.denied { draft.refuse(.write, type) }
        for type in types.secrets { draft.refuse(.all, type) }
        for type in types.reserved { draft.refuse(.write, type) }
        if isNew, presets.values.contains(where: { $0.isAllowed && Self.creates($0.right, kind) }) {
            for type in types.created { draft.allow(.add, type) }
        }
        for preset in presets.values where preset.isAllowed && preset.right.targets.contains(kind) {
            if case .setPassword = preset.right.meaning { draft.allow(.write, types.userPassword) }
        }
        // A change of name needs `write` on the identities that the name is made of, and no more.
        if presets.values.contains(where: { preset in
            if case .rename = preset.right.meaning { preset.isAllowed && preset.right.targets.contains(kind) } else { false }
        }) {
            for type in types.naming { draft.allow(.write, type) }
        }
        if isSeen { draft.allowEntry(reading) }
    }

    private static func creates(_ right: RightDefinition, _ kind: RightTarget) -> Bool {
        if case .create(let created) = right.meaning { created == kind } else { false }
    }
}
