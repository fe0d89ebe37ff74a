import BER
import EntryStore
import LDAP
import Schema

/// What is known of a client without looking at any entry.
enum SubjectCondition: Sendable {
    case anonymous
    case users
    case name(AccessNameStyle, canonical: [UInt8])
    case pattern(RegularExpression)
    case peer(PeerPattern)
    /// Where its connection was accepted: the listener's address, or its URL.
    case listener(PeerPattern)
    case listenerURL(PeerPattern)
    case strength(Strength, atLeast: Int)
    /// To be looked up: holds for a commit only.
    case group(AccessGroup)

    enum Strength: Sendable { case any, transport, tls, sasl }
}

/// What depends on the entry that is judged.
enum EntryCondition: Sendable {
    /// The entry's name stands so to a name.
    case name(AccessNameStyle, DistinguishedName, canonical: [UInt8])
    case pattern(RegularExpression)
    case filter(Filter)
    /// The subject is the entry; so many levels above of one of the two (`self.level{n}`).
    case own(level: Int)
    /// An attribute of the entry holds the subject's name.
    case nameIn(AttributeTypeID)
    /// The subject's name stands so to a name made from the entry's.
    case expandedName(AccessNameStyle, AccessTemplate)
    case expandedPattern(AccessTemplate)
    case expandedGroup(AccessTemplate, AccessGroup)
    case set(AccessSet)
}

/// A group entry, the class it must have and the attribute that names its members.
struct AccessGroup: Sendable {
    /// Empty for a name that is made from the entry's.
    var name: DistinguishedName
    let objectClass: ObjectClassID
    let attribute: AttributeTypeID
}

/// The `dn` part of a rule's target, as far as it provides `$0`, `$1`, ….
enum AccessCapture: Sendable {
    case none
    /// `$0`: the name; `$1`: the part of it that the rule names.
    case name(AccessNameStyle, canonical: [UInt8])
    case pattern(RegularExpression)

    /// The parts of an entry's canonical name.
    func parts(of name: [UInt8]) -> [[UInt8]] {
        switch self {
        case .none: return [name]
        case .name(.base, _): return [name]
        case .name(_, let base): return [name, base]
        case .pattern(let pattern): return (pattern.matches(name) ?? []).map { $0.map { Array(name[$0]) } ?? [] }
        }
    }
}

/// A text with `$0` to `$9` and `${n}`, which stand for parts of the entry's name; `$$` is a dollar sign.
struct AccessTemplate: Sendable {
    enum Piece: Sendable, Equatable {
        case text([UInt8])
        case part(Int)
    }

    let pieces: [Piece]
    let capture: AccessCapture

    var hasParts: Bool { pieces.contains { if case .part = $0 { true } else { false } } }

    /// - Throws: in words, for `${v…}` and what is no number in braces.
    init(_ text: String, _ capture: AccessCapture) throws(RegularExpression.Failure) {
        var pieces: [Piece] = []
        var literal: [UInt8] = []
        let bytes = Array(text.utf8)
        var index = 0
        func flush() {
            if !literal.isEmpty { pieces.append(.text(literal)) }
            literal = []
        }
        while index < bytes.count {
            guard bytes[index] == UInt8(ascii: "$"), index + 1 < bytes.count else {
                literal.append(bytes[index])
                index += 1
                continue
            }
            let next = bytes[index + 1]
            switch next {
            case UInt8(ascii: "$"):
                literal.append(next)
                index += 2
            case UInt8(ascii: "0")...UInt8(ascii: "9"):
                flush()
                pieces.append(.part(Int(next - UInt8(ascii: "0"))))
                index += 2
            case UInt8(ascii: "{"):
                guard let end = bytes[index...].firstIndex(of: UInt8(ascii: "}")) else {
                    throw RegularExpression.Failure(reason: "a closing brace is missing after ${")
                }
                var name = String(decoding: bytes[(index + 2)..<end], as: UTF8.self)
                if name.hasPrefix("d") { name.removeFirst() }
                guard let number = Int(name), (0...99).contains(number) else {
                    throw RegularExpression.Failure(
                        reason: name.hasPrefix("v") ? "parts of values (${v…}) are not supported" : "${\(name)} is not the number of a part")
                }
                flush()
                pieces.append(.part(number))
                index = end + 1
            default:
                literal.append(bytes[index])
                index += 1
            }
        }
        flush()
        self.pieces = pieces
        self.capture = capture
    }

    /// The text for an entry's canonical name.
    func expand(_ name: [UInt8]) -> [UInt8] {
        let parts = capture.parts(of: name)
        var text: [UInt8] = []
        for piece in pieces {
            switch piece {
            case .text(let bytes): text += bytes
            case .part(let number): if number < parts.count { text += parts[number] }
            }
        }
        return text
    }
}

/// Which addresses of clients or listeners are meant: as slapd writes them, `IP=address:port`, `IP=[address]:port` or `PATH=file`.
enum PeerPattern: Sendable {
    case exact([UInt8])
    case pattern(RegularExpression)
    case path([UInt8])
    case address(bytes: [UInt8], mask: [UInt8], port: Int?)

    func holds(_ peer: [UInt8]) -> Bool {
        switch self {
        case .exact(let text): return peer.rawSpan.equalsIgnoringCase(text.rawSpan)
        case .pattern(let pattern): return pattern.matches(peer) != nil
        case .path(let path): return peer == Array("PATH=".utf8) + path
        case .address(let wanted, let mask, let port):
            let prefix = Array("IP=".utf8)
            guard peer.starts(with: prefix), let colon = peer.lastIndex(of: UInt8(ascii: ":")) else { return false }
            var host = String(decoding: peer[prefix.count..<colon], as: UTF8.self)
            if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
            if let port, Int(String(decoding: peer[(colon + 1)...], as: UTF8.self)) != port { return false }
            guard let bytes = NetworkAddress.parse(host), bytes.count == wanted.count else { return false }
            return zip(bytes, mask).map { $0 & $1 } == wanted
        }
    }
}

/// IP addresses as bytes.
enum NetworkAddress {
    /// The 4 or 16 bytes of an address in text form (RFC 4291 section 2.2); nil for anything else.
    static func parse(_ text: String) -> [UInt8]? {
        if !text.contains(":") { return ipv4(text) }
        // One `::` stands for as many zeros as are missing.
        let halves = text.split(separator: "::", omittingEmptySubsequences: false)
        guard halves.count <= 2 else { return nil }
        var parts: [[UInt8]] = []
        for half in halves {
            var bytes: [UInt8] = []
            for group in half.isEmpty ? [] : half.split(separator: ":", omittingEmptySubsequences: false) {
                if group.contains("."), let four = ipv4(String(group)) {
                    bytes += four
                } else if (1...4).contains(group.count), let number = UInt16(group, radix: 16) {
                    bytes += [UInt8(number >> 8), UInt8(number & 255)]
                } else {
                    return nil
                }
            }
            parts.append(bytes)
        }
        if parts.count == 1 { return parts[0].count == 16 ? parts[0] : nil }
        let missing = 16 - parts[0].count - parts[1].count
        return missing >= 0 ? parts[0] + [UInt8](repeating: 0, count: missing) + parts[1] : nil
    }

    private static func ipv4(_ text: String) -> [UInt8]? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var bytes: [UInt8] = []
        for part in parts {
            guard (1...3).contains(part.count), let byte = UInt8(part) else { return nil }
            bytes.append(byte)
        }
        return bytes
    }
}
