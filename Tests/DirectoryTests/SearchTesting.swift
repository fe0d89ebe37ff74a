@testable import Directory
import BER
import EntryStore
import LDAP

extension TestDirectory {
    /// What a search answers.
    struct Found {
        var names: [String] = []
        var references: [[String]] = []
        var code = ResultCode.success
        var matched = ""
        var message = ""
        var controls: [Control] = []

        func control(_ oid: String) -> Control? { controls.first { $0.oid == oid } }
    }

    /// Has a search carried out to its end, in steps as a server does.
    func search(
        _ base: String, _ scope: SearchScope = .wholeSubtree, _ filter: String = "(objectClass=*)", dereference: DereferencePolicy = .never,
        sizeLimit: Int = 0, attributes: [String] = ["1.1"], controls: [Control] = [], as identity: Identity = .root
    ) throws -> Found {
        let request = SearchRequest(
            base: Array(base.utf8), scope: scope, dereference: dereference, sizeLimit: sizeLimit, filter: try Filter(filter),
            attributes: attributes)
        var message = BERBuffer()
        request.encode(messageID: 2, controls: controls, into: &message)
        let session = Session(connectionID: 1, peer: "test")
        session.identity = identity
        let worker = DirectoryWorker(directory)
        var output = BERBuffer()
        let disposition = directory.handle(message.bytes, session: session, worker: worker, output: &output)
        worker.releaseSnapshot()
        if case .search(let long) = disposition {
            while case .more = long.advance(worker: worker, limit: 4096, output: &output) {}
        }
        return try Self.read(output.bytes)
    }

    private static func read(_ bytes: RawSpan) throws -> Found {
        var found = Found()
        var start = 0
        while start < bytes.byteCount {
            let rest = bytes.extracting(start..<bytes.byteCount)
            guard let length = try LDAPEnvelope.frameLength(rest, limit: 1 << 30) else { break }
            let pdu = rest.extracting(0..<length)
            start += length
            let envelope = try LDAPEnvelope(decoding: pdu)
            var reader = BERReader(pdu, envelope.contents)
            switch envelope.operation {
            case OperationTag.searchResultEntry:
                found.names.append(String(decoding: pdu.extracting(try reader.contents(of: BERTag.octetString).range).array, as: UTF8.self))
            case OperationTag.searchResultReference:
                var urls: [String] = []
                while !reader.isAtEnd { urls.append(String(decoding: pdu.extracting(try reader.contents(of: BERTag.octetString).range).array, as: UTF8.self)) }
                found.references.append(urls)
            default:
                let result = try LDAPResult(decoding: pdu, envelope.contents)
                found.code = result.code
                found.matched = String(decoding: result.matchedDN, as: UTF8.self)
                found.message = result.message
                found.controls = try envelope.controls.map { try Controls.decode(pdu, $0) } ?? []
            }
        }
        return found
    }
}

extension ByteRange {
    fileprivate var range: Range<Int> { lowerBound..<upperBound }
}
