import BER
import EntryStore

/// Who has logged in a while ago, by name: mail programs do so again every few minutes, and what a login needs to know of an account is in a dozen
/// places of its entry and above it. What was found holds until the entry, or what it has its rules from, is changed. Confined to a thread.
struct KnownLogins {
    private struct Slot {
        var account: LoginAccount?
        /// At which it was found.
        var commit = 0
        /// Whether it was found for somebody who comes where nobody but administrators may.
        var asAdministrator = false
    }

    /// Hashes of the names, in sets of ``ways``: the newest stands first in its set, and takes the place of the oldest, so that nobody can make
    /// it large. None before the first login.
    private var hashes: [UInt64] = []
    /// What each place holds.
    private var slots: [Slot] = []
    private static let fewest = 1 << 10
    private static let most = 1 << 14
    private static let ways = 4
    /// Accounts with longer names, or with more passwords than that, are not kept: anybody may spell his name in many ways. Octets.
    private static let nameLimit = 512
    private static let passwordLimit = 1024

    /// The account that a name stands for, if it is known and still as it was.
    /// - Parameters:
    ///   - name: a DN as the client spells it.
    ///   - asAdministrator: whether the client comes where nobody but administrators may.
    func account(named name: [UInt8], asAdministrator: Bool, _ directory: Directory, _ snapshot: borrowing Snapshot) -> LoginAccount? {
        if slots.isEmpty { return nil }
        let hash = OctetHash.hash(name.rawSpan)
        guard let place = set(hash).first(where: { hashes[$0] == hash }), let account = slots[place].account,
            case .entry(let id, let known, _) = account.identity, known == name, slots[place].asAdministrator == asAdministrator
        else { return nil }
        let commit = slots[place].commit
        // A name leads to an entry until the entry is removed, or this or one above it is renamed.
        guard snapshot.lastRename <= commit, snapshot.isKnownUnchanged(id, since: commit) else { return nil }
        // After the snapshot: what came into the entry since then is still said to be on its way.
        if directory.ephemeral.concern(id) { return nil }
        if let login = directory.login, let state = account.state, !login.stillApplies(state, from: commit, snapshot) { return nil }
        return account
    }

    /// Notes an account as it was found in a snapshot.
    mutating func note(_ account: LoginAccount, asAdministrator: Bool, _ directory: Directory, _ snapshot: borrowing Snapshot) {
        // What is on its way into the entry is part of what was found, and will be in the entry at another commit.
        guard case .entry(let id, let name, _) = account.identity, name.count <= Self.nameLimit,
            account.passwords.reduce(0, { $0 + $1.value.count }) <= Self.passwordLimit, !directory.ephemeral.concern(id)
        else { return }
        if let login = directory.login, let state = account.state, !login.stillApplies(state, from: snapshot.commit, snapshot) { return }
        if slots.isEmpty {
            let entries = (try? snapshot.entryCount()) ?? 0
            var count = Self.fewest
            while count < Self.most, count < entries { count *= 2 }
            slots = Array(repeating: Slot(), count: count)
            hashes = Array(repeating: 0, count: count)
        }
        let hash = OctetHash.hash(name.rawSpan)
        let set = set(hash)
        let last = set.first(where: { hashes[$0] == hash }) ?? set.upperBound - 1
        for place in stride(from: last, to: set.lowerBound, by: -1) {
            hashes[place] = hashes[place - 1]
            slots[place] = slots[place - 1]
        }
        hashes[set.lowerBound] = hash
        slots[set.lowerBound] = Slot(account: account, commit: snapshot.commit, asAdministrator: asAdministrator)
    }

    private func set(_ hash: UInt64) -> Range<Int> {
        let first = Int(truncatingIfNeeded: hash) & (slots.count - Self.ways)
        return first..<first + Self.ways
    }
}
