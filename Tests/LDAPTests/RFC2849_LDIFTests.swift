import BER
import Glibc
import LDAP
import SeededRandom
import Testing

/// RFC 2849: LDIF.
@Suite struct RFC2849_LDIFTests {
    /// All records of a text.
    private func read(_ text: String, lineLimit: Int = 1000, recordLimit: Int = 100_000) throws(LDIFError) -> [LDIFRecord] {
        try read(Array(text.utf8), lineLimit: lineLimit, recordLimit: recordLimit)
    }

    private func read(_ bytes: [UInt8], lineLimit: Int = 1000, recordLimit: Int = 100_000) throws(LDIFError) -> [LDIFRecord] {
        var reader = LDIFReader(bytes: bytes, lineLimit: lineLimit, recordLimit: recordLimit)
        var record = LDIFRecord()
        var records: [LDIFRecord] = []
        while try reader.next(&record) { records.append(record) }
        return records
    }

    private func pairs(_ record: LDIFRecord) -> [String] {
        record.attributes.map { "\(record.string($0.description))=\(record.string($0.value))" }
    }

    private func failure(_ string: String, lineLimit: Int = 1000, recordLimit: Int = 100_000) -> LDIFError? {
        do {
            _ = try read(string, lineLimit: lineLimit, recordLimit: recordLimit)
            return nil
        } catch {
            return error
        }
    }

    @Test func example1_twoEntries() throws {
        let records = try read(
            """
            version: 1
            dn: cn=Barbara Jensen, ou=Product Development, dc=airius, dc=com
            objectclass: top
            cn: Barbara Jensen
            description: A big sailing fan.

            dn: cn=Bjorn Jensen, ou=Accounting, dc=airius, dc=com
            objectclass: top
            telephonenumber: +1 408 555 1212
            """)
        #expect(records.count == 2)
        #expect(records[0].kind == .content && records[0].line == 2 && records[1].line == 7)
        #expect(records[0].string(records[0].dn) == "cn=Barbara Jensen, ou=Product Development, dc=airius, dc=com")
        #expect(pairs(records[0]) == ["objectclass=top", "cn=Barbara Jensen", "description=A big sailing fan."])
        #expect(records[1].attributes.map(\.line) == [8, 9])
    }

    @Test func example2_foldedValue() throws {
        let records = try read(
            "version: 1\ndn:cn=Barbara Jensen\ndescription:Babs is a big sailing fan, and travels extensively in sea\n"
                + " rch of perfect sailing conditions.\ntitle:Product Manager, Rod and Reel Division\n")
        #expect(
            pairs(records[0]) == [
                "description=Babs is a big sailing fan, and travels extensively in search of perfect sailing conditions.",
                "title=Product Manager, Rod and Reel Division",
            ])
        #expect(records[0].attributes.map(\.line) == [3, 5])
    }

    @Test func example3_and_4_base64() throws {
        let records = try read(
            "# a comment\n#  that is folded\n  here\ndn:: b3U95Za25qWt6YOoLG89QWlyaXVz\n# dn:: ou=<JapaneseOU>,o=Airius\n"
                + "objectclass: top\nou;lang-ja:: 5Za25qWt6YOo\nou;lang-en: Sales\ndescription:: V2hhdCBhIGNhcmVmdWwgcmVhZGVyIHlvd\n"
                + " SBhcmUhICBUaGlzIHZhbHVlIGlzIGJhc2UtNjQtZW5jb2RlZC4=\nempty:\nalsoEmpty::\nspaces:   x \n")
        let record = records[0]
        #expect(record.string(record.dn) == "ou=営業部,o=Airius")
        #expect(
            pairs(record) == [
                "objectclass=top", "ou;lang-ja=営業部", "ou;lang-en=Sales",
                "description=What a careful reader you are!  This value is base-64-encoded.", "empty=", "alsoEmpty=", "spaces=x ",
            ])
        #expect(record.line == 4)
    }

    @Test func example5_urlsAreRefused() {
        let error = failure("dn: cn=a\nobjectclass: top\njpegphoto:< file:///usr/local/directory/photos/fiona.jpg\n")
        #expect(error?.line == 3 && error?.dn == "cn=a")
        #expect(error?.reason.contains("URL") == true)
        #expect(failure("dn: cn=a\ncontrol: 1.2 true:< file:///etc/passwd\nchangetype: delete\n")?.line == 2)
    }

    @Test func example6_changes() throws {
        let records = try read(
            """
            version: 1
            # Add a new entry
            dn: cn=Fiona Jensen, ou=Marketing, dc=airius, dc=com
            changetype: add
            objectclass: top
            cn: Fiona Jensen

            dn: cn=Robert Jensen, ou=Marketing, dc=airius, dc=com
            changetype: delete

            dn: cn=Paul Jensen, ou=Product Development, dc=airius, dc=com
            changetype: modrdn
            newrdn: cn=Paula Jensen
            deleteoldrdn: 1

            dn: ou=PD Accountants, ou=Product Development, dc=airius, dc=com
            changetype: moddn
            newrdn: ou=Product Development Accountants
            deleteoldrdn: 0
            newsuperior: ou=Accounting, dc=airius, dc=com

            dn: cn=Paula Jensen, ou=Product Development, dc=airius, dc=com
            changetype: modify
            add: postaladdress
            postaladdress: 123 Anystreet $ Sunnyvale, CA $ 94086
            -
            delete: description
            -
            replace: telephonenumber
            telephonenumber: +1 408 555 1234
            TelephoneNumber: +1 408 555 5678
            -
            delete: facsimiletelephonenumber
            facsimiletelephonenumber: +1 408 555 9876
            -

            dn: ou=Product Development, dc=airius, dc=com
            control: 1.2.840.113556.1.4.805 true
            control: 1.2.3 false:: AQI=
            control: 1.2.4: text
            changetype: delete
            """)
        #expect(records.map(\.kind) == [.add, .delete, .modifyDN, .modifyDN, .modify, .delete])
        #expect(pairs(records[0]) == ["objectclass=top", "cn=Fiona Jensen"])
        #expect(records[2].string(records[2].newRDN) == "cn=Paula Jensen")
        #expect(records[2].deleteOldRDN && records[2].newSuperior == nil && !records[3].deleteOldRDN)
        #expect(records[3].newSuperior.map { records[3].string($0) } == "ou=Accounting, dc=airius, dc=com")
        #expect(records[4].changes.map(\.operation) == [.add, .delete, .replace, .delete])
        #expect(records[4].changes.map(\.values) == [0..<1, 1..<1, 1..<3, 3..<4])
        #expect(records[4].changes.map { records[4].string($0.description) }[2] == "telephonenumber")
        #expect(
            records[5].controls == [
                Control(oid: "1.2.840.113556.1.4.805", isCritical: true), Control(oid: "1.2.3", value: [1, 2]),
                Control(oid: "1.2.4", value: Array("text".utf8)),
            ])
    }

    @Test func carriageReturnsAndBlankLines() throws {
        let records = try read("version: 1\r\n\r\n\r\ndn: cn=a\r\ncn: a\r\n b\r\n\r\n\r\ndn: cn=b\r\ncn: b")
        #expect(records.map { pairs($0) } == [["cn=ab"], ["cn=b"]])
        #expect(records.map(\.line) == [4, 9])
        #expect(try read("").isEmpty)
        #expect(try read("\n\n# only a comment\n").isEmpty)
        #expect(try read("version: 1\n").isEmpty)
    }

    @Test func partialAttributesAreGathered() throws {
        let record = try read("dn: cn=a\ncn: a\nsn: b\nCN: c\n")[0]
        #expect(record.partialAttributes == [PartialAttribute("cn", ["a", "c"]), PartialAttribute("sn", ["b"])])
    }

    @Test func errorsNameTheLine() {
        for (string, line) in [
            ("version: 2\ndn: a\n", 1), ("cn: a\n", 1), ("dn: cn=a\n\n", 1), ("dn: cn=a\ncn: a\nnocolon\n", 3), ("dn: cn=a\n: x\n", 2),
            ("dn: cn=a\ncn:: ***\n", 2), ("dn: cn=a\ncn:: YQ\n", 2), ("dn: cn=a\nc n: x\n", 2), ("dn: cn=a\nchangetype: fly\n", 2),
            ("dn: cn=a\nchangetype: delete\ncn: a\n", 3), ("dn: cn=a\nchangetype: add\n", 1), ("dn: cn=a\ncn: a\n-\n", 3),
            ("dn: cn=a\nchangetype: modify\ncn: a\n", 3), ("dn: cn=a\nchangetype: modify\nadd: cn\nsn: a\n", 4),
            ("dn: cn=a\nchangetype: modify\nadd: cn\n-\n", 3), ("dn: cn=a\nchangetype: modify\nincrement: cn\ncn: 1\ncn: 2\n-\n", 3),
            ("dn: cn=a\nchangetype: modify\nadd: c n\n", 3), ("dn: cn=a\nchangetype: modrdn\n", 1),
            ("dn: cn=a\nchangetype: modrdn\nnewrdn: cn=b\n", 1), ("dn: cn=a\nchangetype: modrdn\nnewrdn: cn=b\ndeleteoldrdn: 2\n", 4),
            ("dn: cn=a\nchangetype: modrdn\ndeleteoldrdn: 1\n", 3),
            ("dn: cn=a\nchangetype: modrdn\nnewrdn: cn=b\ndeleteoldrdn: 1\nx: y\n", 5), ("dn: cn=a\ncontrol: x\nchangetype: delete\n", 2),
            ("dn: cn=a\ncontrol: 1.2 maybe\nchangetype: delete\n", 2), ("dn: cn=a\ncontrol: 1.2\ncn: a\n", 3), ("dn: cn=a\ncontrol: 1.2\n", 1),
            ("\n x\n", 2), ("dn: cn=a\ncn: a\n\nversion: 1\n", 4),
        ] {
            #expect(failure(string)?.line == line, "\(string)")
        }
        #expect(failure("dn: cn=a\ncn:: ***\n")?.description == "line 2: cn=a: value is not base64")
    }

    @Test func linesAndRecordsAreBounded() throws {
        let long = String(repeating: "x", count: 2000)
        #expect(failure("dn: cn=a\ncn: \(long)\n")?.line == 2)
        #expect(failure("dn: cn=a\ncn: \(long)")?.line == 2)
        #expect(failure("dn: cn=a\ncn: a\n" + String(repeating: " 0123456789\n", count: 200))?.line == 2)
        #expect(failure("dn: cn=a\n" + String(repeating: "cn: 0123456789\n", count: 20_000))?.line == 7144)
        #expect(try read("dn: cn=a\ncn: \(long)\n", lineLimit: 2004).count == 1)
    }

    /// From a descriptor everything reads as from bytes, wherever the chunks end.
    @Test func aFileInChunks() throws {
        var generator = SeededGenerator(seed: 13)
        var writer = LDIFWriter()
        writer.version()
        var names: [String] = []
        for index in 0..<20_000 {
            names.append("cn=\(index)")
            writer.beginRecord(dn: Array(names[index].utf8).rawSpan)
            for _ in 0..<3 { writer.attribute("description", generator.bytes(generator.below(90)).rawSpan) }
            writer.attribute("cn", Array(repeating: UInt8(ascii: "y"), count: generator.below(200)).rawSpan)
            writer.endRecord()
        }
        var path = Array("/tmp/muster-ldif-XXXXXX\0".utf8CString)
        let descriptor = mkstemp(&path)
        defer {
            close(descriptor)
            unlink(path)
        }
        let whole = try read(writer.bytes)
        let size = writer.bytes.count
        try writer.flush(to: descriptor)
        let isEmpty = writer.bytes.isEmpty
        #expect(isEmpty)
        lseek(descriptor, 0, SEEK_SET)
        var reader = LDIFReader(descriptor: descriptor)
        var record = LDIFRecord()
        var count = 0
        while try reader.next(&record) {
            #expect(record.string(record.dn) == names[count])
            #expect(record.bytes == whole[count].bytes && record.line == whole[count].line)
            count += 1
        }
        let bytesRead = reader.bytesRead
        #expect(count == names.count && bytesRead == size)
    }

    @Test func safeStrings() {
        for (value, line) in [
            ("", "cn:"), ("a", "cn: a"), (" a", "cn:: IGE="), ("a ", "cn:: YSA="), (":a", "cn:: OmE="), ("<a", "cn:: PGE="), ("a:<", "cn: a:<"),
            ("é", "cn:: w6k="), ("a\nb", "cn:: YQpi"), ("a\rb", "cn:: YQ1i"), ("a\0", "cn:: YQA="), ("#a", "cn: #a"), ("a\tb", "cn: a\tb"),
        ] {
            var writer = LDIFWriter()
            writer.attribute("cn", Array(value.utf8).rawSpan)
            let found = text(writer.bytes)
            #expect(found == line + "\n")
        }
    }

    @Test func linesAreFolded() {
        for width in [0, 2, 20, 76] {
            var writer = LDIFWriter(width: width)
            writer.attribute("description", Array(repeating: UInt8(ascii: "x"), count: 500).rawSpan)
            let lines = text(writer.bytes).split(separator: "\n")
            if width == 0 {
                #expect(lines.count == 1)
            } else {
                #expect(lines.dropLast().allSatisfy { $0.utf8.count == width })
                #expect(lines.dropFirst().allSatisfy { $0.first == " " })
            }
            #expect(lines[0] + lines.dropFirst().map { $0.dropFirst() }.joined() == "description: " + String(repeating: "x", count: 500))
        }
    }

    @Test func everyRecordSurvivesARoundTrip() throws {
        var generator = SeededGenerator(seed: 14)
        for round in 0..<500 {
            var writer = LDIFWriter(width: [0, 10, 76][round % 3])
            if round % 2 == 0 { writer.version() }
            func attribute(_ count: Int) -> PartialAttribute {
                let name = ["cn", "sn;lang-de", "2.5.4.3", "jpegPhoto;binary"][generator.below(4)] + ";x\(generator.below(1000))"
                return PartialAttribute(
                    description: Array(name.utf8),
                    values: (0..<count).map { _ in generator.bytes(generator.below(100)).map { round % 5 == 0 ? $0 : $0 & 0x7f } })
            }
            let dn = Array("cn=\(generator.below(100)) é".utf8)
            let entry = SearchResultEntry(name: dn, attributes: [attribute(2), attribute(1)])
            let add = AddRequest(entry: dn, attributes: [attribute(3)])
            let modify = ModifyRequest(
                object: dn,
                changes: [
                    .init(.add, attribute(1)), .init(.delete, attribute(0)), .init(.replace, attribute(2)), .init(.increment, attribute(1)),
                ])
            let rename = ModifyDNRequest(entry: dn, newRDN: dn, deleteOldRDN: generator.below(2) == 0, newSuperior: round % 2 == 0 ? dn : nil)
            writer.comment("two\nlines")
            writer.entry(entry)
            writer.change(add)
            writer.change(modify)
            writer.change(rename)
            writer.change(DeleteRequest(entry: dn))
            let records = try read(writer.bytes)
            #expect(records.map(\.kind) == [.content, .add, .modify, .modifyDN, .delete])
            #expect(Set(records[0].partialAttributes) == Set(entry.attributes))
            #expect(records[1].partialAttributes == add.attributes)
            let changes = records[2].changes.map { change in
                ModifyRequest.Change(
                    change.operation,
                    PartialAttribute(
                        description: Array(records[2].string(change.description).utf8),
                        values: records[2].attributes[change.values].map { copy(records[2].bytes, $0.value) }))
            }
            #expect(changes == modify.changes)
            #expect(records[3].deleteOldRDN == rename.deleteOldRDN && (records[3].newSuperior != nil) == (rename.newSuperior != nil))
            #expect(records.allSatisfy { $0.string($0.dn) == text(dn) })
        }
    }

    @Test func mutatedFilesNeverTrap() {
        var generator = SeededGenerator(seed: 15)
        let seed = Array(
            """
            version: 1
            # comment
            dn: cn=a
            control: 1.2 true:: AQI=
            changetype: modify
            add: cn
            cn:: YWI=
            cn: folded
             here
            -
            delete: sn
            -

            dn: cn=b
            cn: b

            dn: cn=c
            changetype: modrdn
            newrdn: cn=d
            deleteoldrdn: 1
            newsuperior: dc=x
            """.utf8)
        var accepted = 0
        for _ in 0..<30_000 {
            if let records = try? read(generator.mutated(seed)) {
                accepted += 1
                for record in records { _ = record.partialAttributes }
            }
        }
        #expect(accepted > 1000)
    }
}
