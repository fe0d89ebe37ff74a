import Configuration
import Directory
import EntryStore
import LDAP
import LDAPServer
import SystemPackage

extension MusterConfiguration {
    /// A setting given on the command line: stands above environment and file.
    public enum Flag: Sendable, Hashable {
        case string(String)
        case strings([String])
        case int(Int)
    }

    /// Puts a configuration together: flags over environment variables over the file over the defaults.
    ///
    /// - Parameters:
    ///   - flags: by key, such as `"data"` or `"limits.maximumConnections"`.
    ///   - environment: variables named `MUSTER_` and the key in capitals with underscores (`MUSTER_LIMITS_MAXIMUM_CONNECTIONS`);
    ///     lists are separated by commas (`MUSTER_INDEXES="employeeNumber eq sub,title eq"`).
    ///   - file: a JSON file, see `docs/muster.json.sample`.
    /// - Throws: ``ConfigurationError`` that names the setting.
    public static func load(
        flags: [String: Flag], environment: [String: String], file: String?
    ) async throws(ConfigurationError) -> MusterConfiguration {
        var arguments: [AbsoluteConfigKey: ConfigValue] = [:]
        for (key, flag) in flags {
            let content: ConfigContent =
                switch flag {
                case .string(let value): .string(value)
                case .strings(let values): .stringArray(values)
                case .int(let value): .int(value)
                }
            arguments[AbsoluteConfigKey(ConfigKey(key))] = ConfigValue(content, isSecret: false)
        }
        var providers: [any ConfigProvider] = [
            InMemoryProvider(name: "command line", values: arguments),
            EnvironmentVariablesProvider(environmentVariables: environment).prefixKeys(with: "muster"),
        ]
        if let file {
            do {
                providers.append(try await FileProvider<JSONSnapshot>(filePath: FilePath(file)))
            } catch {
                throw ConfigurationError("cannot read configuration file \(file): \(error)")
            }
        }
        return try await Settings(reader: ConfigReader(providers: providers)).configuration()
    }
}

/// Reads the settings one by one, so that an error names the one it is about.
private struct Settings {
    let reader: ConfigReader

    func configuration() async throws(ConfigurationError) -> MusterConfiguration {
        guard let data = try await string("data"), !data.isEmpty else {
            throw ConfigurationError("no data directory: give --data DIR, MUSTER_DATA or \"data\" in the configuration file")
        }
        var result = MusterConfiguration(dataDirectory: data)
        result.listeners = try await listeners("listen") ?? result.listeners
        result.administrationListeners = try await listeners("administrationListen") ?? []
        if let mode = try await string("unixSocketMode") {
            guard let value = UInt32(mode, radix: 8), value <= 0o777 else {
                throw ConfigurationError("unixSocketMode '\(mode)' must be an octal number from 0 to 0777")
            }
            result.unixSocketMode = value
        }
        result.schemaDirectory = try await string("schemaDir")
        result.schemaFiles = try await strings("schema") ?? []
        result.ldifDirectory = try await string("ldifDir")
        result.usesDefaultIndexes = try await bool("useDefaultIndexes") ?? true
        for text in try await strings("indexes") ?? [] { result.indexes.append(try MusterConfiguration.Index(text)) }
        result.storedViewIdentities = try await strings("mail.storedViewIdentities") ?? []
        result.admitsActiveInLockedDomains = try await bool("mail.activeInLockedDomains") ?? false
        result.accessRules = try await strings("access") ?? []
        result.accessFile = try await string("accessFile")
        result.grantsRights = try await bool("mail.rights") ?? true
        result.locksOut = try await bool("mail.lockout") ?? true
        result.externalGroupAge = try await int("mail.externalGroupAge", 0...3600) ?? result.externalGroupAge
        result.keepsOrder = try await bool("mail.rules") ?? true
        try await loadPasswords(&result)
        result.uniqueAttributes = try await strings("unique") ?? result.uniqueAttributes
        result.deliveryIdentities = try await strings("mail.deliveryIdentities") ?? result.deliveryIdentities
        if let text = try await string("durability") { result.durability = try MusterConfiguration.Durability(text) }
        result.writes.operations = try await int("writes.groupOperations", 1...100_000) ?? result.writes.operations
        result.writes.bytes = try await int("writes.groupBytes", 1...1 << 30) ?? result.writes.bytes
        result.writes.milliseconds = try await int("writes.groupTime", 0...60_000) ?? result.writes.milliseconds
        result.writes.besideLookups = try await int("writes.besideLookups", 0...1_000_000) ?? result.writes.besideLookups
        result.writes.waitingBytes = try await int("writes.waitingBytes", 1 << 20...1 << 40) ?? result.writes.waitingBytes
        result.changeLogAge = try await int("changeLog.maxAge", 0...1 << 31) ?? result.changeLogAge
        result.changeLogSize = try await int("changeLog.maxSize", 0...1 << 46) ?? result.changeLogSize
        result.changeLogReaders = try await strings("changeLog.readers") ?? []
        result.keepsDeleted = try await int("deleted.keep", 0...1 << 31) ?? result.keepsDeleted
        result.mapSize = try await int("mapSize", 1 << 20...1 << 46) ?? result.mapSize
        result.warmsDatabase = try await bool("warm") ?? true
        result.searchSizeLimit = try await int("limits.searchSize", 0...Int.max) ?? result.searchSizeLimit
        result.searchTimeLimit = try await int("limits.searchTime", 0...Int.max) ?? result.searchTimeLimit
        result.searchLimitRules = try await strings("limits.searches") ?? []
        result.referrals = try await strings("referral") ?? []
        result.searchCandidateLimit = try await int("limits.searchCandidates", 0...Int.max) ?? result.searchCandidateLimit
        result.decoding.filterDepth = try await int("limits.filterDepth", 1...1000) ?? result.decoding.filterDepth
        result.decoding.filterNodes = try await int("limits.filterTerms", 16...1_000_000) ?? result.decoding.filterNodes
        result.bindLimits.failuresPerAddress =
            try await int("limits.bindFailuresPerAddress", 0...Int.max) ?? result.bindLimits.failuresPerAddress
        result.bindLimits.failuresPerEntry = try await int("limits.bindFailuresPerEntry", 0...Int.max) ?? result.bindLimits.failuresPerEntry
        result.hasAddressLists = try await bool("mail.galEnabled") ?? result.hasAddressLists
        result.addressListName = try await string("mail.galName") ?? result.addressListName
        result.addressListTimeout = try await int("mail.galTimeout", 100...600_000) ?? result.addressListTimeout
        try await load(&result.limits)
        result.threads.loops = try await int("threads.loops", 0...1024) ?? 0
        result.threads.searches = try await int("threads.searches", 0...1024) ?? 0
        result.threads.work = try await int("threads.work", 0...1024) ?? 0
        result.tls = try await tls()
        result.requiresConfidentiality = try await bool("confidentialityRequired") ?? false
        let secured = (result.listeners + result.administrationListeners).first { if case .tls = $0 { true } else { false } }
        if result.tls == nil, let listener = secured {
            throw ConfigurationError("listen '\(listener)' needs tls.certificate and tls.key")
        }
        result.rootPassword = try await secret("rootPassword")
        result.administratorPassword = try await secret("administratorPassword")
        if let level = try await string("log.level") {
            guard let known = MusterConfiguration.LogLevel(rawValue: level) else {
                throw ConfigurationError("log.level '\(level)' must be 'none' or 'stats'")
            }
            result.logLevel = known
        }
        result.logFile = try await string("log.file")
        return result
    }

    private func listeners(_ key: String) async throws(ConfigurationError) -> [ListenAddress]? {
        guard let urls = try await strings(key) else { return nil }
        var listeners: [ListenAddress] = []
        for url in urls {
            do { listeners.append(try ListenAddress(url)) } catch { throw ConfigurationError(error.description) }
        }
        return listeners
    }

    private func tls() async throws(ConfigurationError) -> TLSSettings? {
        let certificate = try await string("tls.certificate") ?? ""
        let key = try await string("tls.key") ?? ""
        guard !certificate.isEmpty || !key.isEmpty else {
            return nil
        }
        guard !certificate.isEmpty, !key.isEmpty else { throw ConfigurationError("tls.certificate and tls.key belong together: one is missing") }
        var settings = TLSSettings(certificateFile: certificate, keyFile: key)
        if let authorities = try await string("tls.ca"), !authorities.isEmpty { settings.authorityFile = authorities }
        if let mode = try await string("tls.clientCertificates") {
            guard let known = TLSSettings.ClientCertificates(rawValue: mode) else {
                throw ConfigurationError("tls.clientCertificates '\(mode)' must be 'none', 'request' or 'require'")
            }
            guard known == .none || settings.authorityFile != nil else {
                throw ConfigurationError("tls.clientCertificates '\(mode)' needs tls.ca, the authorities that they must come from")
            }
            settings.clientCertificates = known
        }
        settings.ciphers = try await string("tls.ciphers") ?? settings.ciphers
        return settings
    }

    private func loadPasswords(_ result: inout MusterConfiguration) async throws(ConfigurationError) {
        if let name = try await string("passwords.scheme") {
            guard let scheme = PasswordScheme(rawValue: name.lowercased()) else {
                throw ConfigurationError(
                    "passwords.scheme '\(name)' must be one of \(PasswordScheme.allCases.map(\.rawValue).joined(separator: ", "))")
            }
            result.passwords.scheme = scheme
        }
        let standard = Argon2Parameters()
        let numbers = 1...Int(UInt32.max)
        result.passwords.argon2 = Argon2Parameters(
            memory: UInt32(try await int("passwords.argon2.memory", numbers) ?? Int(standard.memory)),
            iterations: UInt32(try await int("passwords.argon2.iterations", numbers) ?? Int(standard.iterations)),
            lanes: UInt32(try await int("passwords.argon2.lanes", numbers) ?? Int(standard.lanes)))
        guard result.passwords.argon2.isAcceptable else {
            throw ConfigurationError(
                "passwords.argon2: at least 8 KiB of memory for each lane, at most 64 lanes, 1 GiB, and 4 GiB over all iterations")
        }
        result.passwords.iterations = try await int("passwords.iterations", 1...10_000_000) ?? result.passwords.iterations
        result.commonPasswordFile = try await string("passwords.commonFile")
        result.rehashesPasswords = try await bool("passwords.rehash") ?? false
        result.refusesExpiredPasswords = try await bool("passwords.refuseExpired") ?? false
        result.identityMap = try await strings("sasl.identityMap") ?? []
        do { _ = try IdentityMap(result.identityMap) } catch { throw ConfigurationError("sasl.identityMap: \(error.message)") }
        result.systemRootIsRoot = try await bool("sasl.systemRootIsRoot") ?? false
    }

    private func load(_ limits: inout ServerLimits) async throws(ConfigurationError) {
        let anyNumber = 0...Int.max
        limits.maximumConnections = try await int("limits.maximumConnections", anyNumber) ?? limits.maximumConnections
        limits.maximumConnectionsPerAddress =
            try await int("limits.maximumConnectionsPerAddress", anyNumber) ?? limits.maximumConnectionsPerAddress
        limits.maximumConnectionRate = try await int("limits.maximumConnectionRate", anyNumber) ?? limits.maximumConnectionRate
        let sizes = 1024...1 << 30
        limits.maximumAnonymousRequest = try await int("limits.maximumAnonymousRequest", sizes) ?? limits.maximumAnonymousRequest
        limits.maximumRequest = try await int("limits.maximumRequest", sizes) ?? limits.maximumRequest
        limits.maximumBufferedRequests =
            try await int("limits.maximumBufferedRequests", 1024...1 << 40) ?? limits.maximumBufferedRequests
        limits.maximumOperationsPerConnection =
            try await int("limits.maximumOperationsPerConnection", 1...1 << 20) ?? limits.maximumOperationsPerConnection
        limits.maximumQueuedWork = try await int("limits.maximumQueuedWork", 1...1 << 20) ?? limits.maximumQueuedWork
        limits.writeBuffer = try await int("limits.writeBuffer", sizes) ?? limits.writeBuffer
        limits.searchChunk = try await int("limits.searchChunk", sizes) ?? limits.searchChunk
        if let idle = try await int("limits.idleTimeout", 0...1 << 31) { limits.idleTimeout = idle == 0 ? nil : .seconds(idle) }
        limits.slowReaderTimeout = try await seconds("limits.slowReaderTimeout") ?? limits.slowReaderTimeout
        limits.slowSenderTimeout = try await seconds("limits.slowSenderTimeout") ?? limits.slowSenderTimeout
        limits.handshakeTimeout = try await seconds("limits.handshakeTimeout") ?? limits.handshakeTimeout
        limits.stopTimeout = try await seconds("limits.stopTimeout") ?? limits.stopTimeout
    }

    /// A password, in the setting itself or in the file that `…File` names (its first line).
    private func secret(_ key: String) async throws(ConfigurationError) -> String? {
        if let value = try await string(key, isSecret: true) { return value }
        guard let path = try await string(key + "File") else { return nil }
        do { return try PasswordFile.read(path) } catch { throw ConfigurationError("\(key)File: \(error)") }
    }

    private func string(_ key: String, isSecret: Bool = false) async throws(ConfigurationError) -> String? {
        do { return try await reader.fetchString(forKey: ConfigKey(key), isSecret: isSecret) } catch { throw wrong(key, "a string") }
    }

    private func strings(_ key: String) async throws(ConfigurationError) -> [String]? {
        do { return try await reader.fetchStringArray(forKey: ConfigKey(key)) } catch { throw wrong(key, "a list of strings") }
    }

    private func bool(_ key: String) async throws(ConfigurationError) -> Bool? {
        do { return try await reader.fetchBool(forKey: ConfigKey(key)) } catch { throw wrong(key, "true or false") }
    }

    private func int(_ key: String, _ range: ClosedRange<Int>) async throws(ConfigurationError) -> Int? {
        let value: Int?
        do { value = try await reader.fetchInt(forKey: ConfigKey(key)) } catch { throw wrong(key, "a number") }
        guard let value else { return nil }
        guard range.contains(value) else {
            let upper = range.upperBound == Int.max ? "" : " and at most \(range.upperBound)"
            throw ConfigurationError("\(key) is \(value), but must be at least \(range.lowerBound)\(upper)")
        }
        return value
    }

    private func seconds(_ key: String) async throws(ConfigurationError) -> Duration? {
        try await int(key, 1...1 << 31).map { .seconds($0) }
    }

    private func wrong(_ key: String, _ expected: String) -> ConfigurationError {
        ConfigurationError("the setting '\(key)' must be \(expected)")
    }
}
