import LDAPServer
import Muster
import Testing
#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

@Suite struct ConfigurationTests {
    private func withFile(_ text: String, _ body: (String) async throws -> Void) async throws {
        let path = "/tmp/muster-configuration-\(getpid())-\(UInt32.random(in: 0...UInt32.max)).json"
        let file = try #require(fopen(path, "w"))
        fputs(text, file)
        fclose(file)
        defer { unlink(path) }
        try await body(path)
    }

    @Test func aDataDirectoryIsEnough() async throws {
        let configuration = try await MusterConfiguration.load(flags: ["data": .string("/d")], environment: [:], file: nil)
        #expect(configuration.dataDirectory == "/d")
        #expect(configuration.listeners == [.tcp(host: "127.0.0.1", port: 1389)])
        #expect(configuration.durability == .full)
        #expect(configuration.logLevel == .none)
        #expect(configuration.uniqueAttributes == ["mail", "zimbraId", "DKIMSelector"])
    }

    @Test func flagsStandAboveEnvironmentAboveFile() async throws {
        let text = """
            {"data": "/file", "listen": ["ldap://127.0.0.1:1", "ldapi://%2Ff"], "rootPassword": "file", "durability": "none",
             "indexes": ["employeeNumber eq,pres"], "limits": {"maximumConnections": 5, "idleTimeout": 30}, "log": {"level": "stats"}}
            """
        try await withFile(text) { file in
            let configuration = try await MusterConfiguration.load(
                flags: ["data": .string("/flag"), "schema": .strings(["a", "b"])],
                environment: [
                    "MUSTER_DATA": "/environment", "MUSTER_ROOT_PASSWORD": "environment", "MUSTER_DURABILITY": "group-interval 20",
                    "MUSTER_LIMITS_MAXIMUM_CONNECTIONS": "6", "MUSTER_UNIQUE": "mail,uid",
                    "MUSTER_ADMINISTRATION_LISTEN": "ldap://127.0.0.1:0",
                ],
                file: file)
            #expect(configuration.dataDirectory == "/flag")
            #expect(configuration.schemaFiles == ["a", "b"])
            #expect(configuration.rootPassword == "environment")
            #expect(configuration.durability == .groupInterval(milliseconds: 20))
            #expect(configuration.limits.maximumConnections == 6)
            #expect(configuration.limits.idleTimeout == .seconds(30))
            #expect(configuration.uniqueAttributes == ["mail", "uid"])
            #expect(configuration.listeners == [.tcp(host: "127.0.0.1", port: 1), .unix(path: "/f")])
            #expect(configuration.administrationListeners == [.tcp(host: "127.0.0.1", port: 0)])
            #expect(configuration.indexes == [.init("employeeNumber", presence: true, equality: true)])
            #expect(configuration.logLevel == .stats)
        }
    }

    @Test(arguments: [
        ("{}", "data directory"),
        (#"{"data": "/d", "listen": ["x"]}"#, "'x'"),
        (#"{"data": "/d", "listen": "ldap://127.0.0.1"}"#, "listen"),
        (#"{"data": "/d", "durability": "sometimes"}"#, "sometimes"),
        (#"{"data": "/d", "indexes": ["mail"]}"#, "mail"),
        (#"{"data": "/d", "indexes": ["mail approx"]}"#, "approx"),
        (#"{"data": "/d", "limits": {"writeBuffer": "big"}}"#, "limits.writeBuffer"),
        (#"{"data": "/d", "limits": {"writeBuffer": 1}}"#, "limits.writeBuffer"),
        (#"{"data": "/d", "log": {"level": "loud"}}"#, "loud"),
        (#"{"data": "/d", "rootPasswordFile": "/does/not/exist"}"#, "rootPasswordFile"),
        (#"{"data": "/d", "listen": ["ldaps://localhost"]}"#, "tls.certificate"),
        (#"{"data": "/d", "administrationListen": ["ldaps://localhost"]}"#, "tls.certificate"),
        (#"{"data": "/d", "tls": {"certificate": "/c"}}"#, "tls.key"),
        (#"{"data": "/d", "tls": {"certificate": "/c", "key": "/k", "clientCertificates": "always"}}"#, "always"),
        (#"{"data": "/d", "tls": {"certificate": "/c", "key": "/k", "clientCertificates": "require"}}"#, "tls.ca"),
        (#"{"data": "/d""#, ".json"),
    ])
    func whatIsWrongIsNamed(text: String, expected: String) async throws {
        try await withFile(text) { file in
            let error = await #expect(throws: ConfigurationError.self) {
                try await MusterConfiguration.load(flags: [:], environment: [:], file: file)
            }
            #expect(error?.description.contains(expected) == true, "\(String(describing: error))")
        }
    }

    @Test func theSampleFileIsRead() async throws {
        let file = #filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined() + "/docs/muster.json.sample"
        let sample = try await MusterConfiguration.load(flags: [:], environment: [:], file: file)
        let standard = MusterConfiguration(dataDirectory: sample.dataDirectory)
        // The sample shows the defaults.
        #expect(sample.listeners == standard.listeners)
        #expect(sample.administrationListeners == standard.administrationListeners)
        #expect(sample.limits == standard.limits)
        #expect(sample.threads == standard.threads)
        #expect(sample.uniqueAttributes == standard.uniqueAttributes)
        #expect(sample.deliveryIdentities == standard.deliveryIdentities)
        #expect(sample.durability == standard.durability)
        #expect(sample.writes == standard.writes)
        #expect(sample.mapSize == standard.mapSize)
        #expect(sample.unixSocketMode == standard.unixSocketMode)
        #expect(sample.allIndexes == standard.allIndexes)
        #expect(sample.logLevel == standard.logLevel)
    }

    @Test func aDataDirectoryIsOpenedOnce() async throws {
        let path = "/tmp/muster-data-\(getpid())/below"
        defer {
            unlink(path + "/lock")
            rmdir(path)
            rmdir("/tmp/muster-data-\(getpid())")
        }
        do {
            let first = try DataDirectory(path)
            let error = #expect(throws: DataDirectory.InUse.self) { try DataDirectory(path) }
            #expect(error?.description.contains("pid \(getpid())") == true)
            #expect(first.path == path)
        }
        _ = try DataDirectory(path)
    }
}
