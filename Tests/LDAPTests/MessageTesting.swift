import BER
import LDAP

/// The bytes that `body` writes.
func written(_ body: (inout BERBuffer) -> Void) -> [UInt8] {
    var buffer = BERBuffer()
    body(&buffer)
    return buffer.bytes.array
}

/// Frame and controls of a PDU.
func open(_ pdu: [UInt8]) throws(LDAPError) -> (envelope: LDAPEnvelope, controls: [Control]) {
    let envelope = try LDAPEnvelope(decoding: pdu.rawSpan)
    let controls = try envelope.controls.map { place throws(LDAPError) in try Controls.decode(pdu.rawSpan, place) } ?? []
    return (envelope, controls)
}

/// An element around contents.
func element(_ tag: UInt8, _ contents: [UInt8]...) -> [UInt8] {
    written { $0.append(tag, contents: contents.flatMap { $0 }) }
}

func octets(_ string: String) -> [UInt8] { element(BERTag.octetString, Array(string.utf8)) }
func integer(_ value: Int, _ tag: UInt8 = BERTag.integer) -> [UInt8] { written { $0.append(tag, integer: value) } }
func boolean(_ value: Bool) -> [UInt8] { written { $0.append(boolean: value) } }
func bytes(_ string: String) -> [UInt8] { Array(string.utf8) }
func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

/// The text at a place.
func text(_ bytes: [UInt8], _ place: ByteRange) -> String { text(bytes.rawSpan.slice(place).array) }

/// The result code of the error that `body` throws; nil if it throws none.
func code(_ body: () throws -> Void) -> ResultCode? {
    do {
        try body()
        return nil
    } catch let error as LDAPError {
        return error.code
    } catch {
        return .other
    }
}

/// The bytes at a place.
func copy(_ bytes: [UInt8], _ place: ByteRange) -> [UInt8] { bytes.rawSpan.slice(place).array }
