import Directory
import NIOCore
import NIOSSL
import Synchronization

/// What a handshake is made with, and what is known of it.
struct TLSContext: Sendable {
    let context: NIOSSLContext
    /// See ``TLSFacts/endPoint``.
    let endPoint: [UInt8]?
    /// The file that the certificate is from, or the virtual host that it is for.
    let place: String
    let subject: String
    /// Seconds since 1970.
    let validUntil: Int

    init(_ configuration: TLSConfiguration, _ chain: [NIOSSLCertificate], place: String) throws {
        context = try NIOSSLContext(configuration: configuration)
        let certificate = try chain.first?.toDERBytes() ?? []
        endPoint = ServerEndPoint.hash(ofDER: certificate)
        subject = (try? CertificateSubject.string(ofDER: certificate)).map { String(decoding: $0, as: UTF8.self) } ?? "without subject"
        validUntil = chain.first.map { Int($0.notValidAfter) } ?? 0
        self.place = place
    }
}

/// The certificates that a server shows, ready for handshakes: its own, read from files, and those of virtual hosts, chosen by the name
/// that a client asks for (RFC 6066 section 3). Shared by all event loops.
///
/// Reading the files anew concerns new connections only: those that exist keep what they were made with.
public final class TLSContexts: Sendable {
    private let settings: TLSSettings
    private let source: (any ServerCertificateSource)?
    private let complain: @Sendable (String) -> Void
    private let state: Mutex<State>

    /// Contexts of virtual hosts kept at once; each takes some 20 KiB.
    static let maximumKept = 1024

    private struct State {
        var files: Files
        /// By owner.
        var kept: [UInt64: Kept] = [:]
    }

    private struct Files {
        /// How the files looked when they were read.
        var stamps: [FileStamp?]
        /// Of the server's own certificate; contexts of virtual hosts differ in certificate and key only.
        var configuration: TLSConfiguration
        var context: TLSContext
    }

    private struct Kept {
        var certificate: ServerCertificate
        /// Nil: it cannot be used, which has been said.
        var context: TLSContext?
    }

    /// Reads the files.
    /// - Parameters:
    ///   - source: certificates of virtual hosts.
    ///   - complain: gets what an administrator should see of certificates that cannot be used. May be called on any thread.
    /// - Throws: naming the file that cannot be used.
    public init(
        _ settings: TLSSettings, source: (any ServerCertificateSource)? = nil,
        complain: @escaping @Sendable (String) -> Void = { _ in }
    ) throws(TLSError) {
        self.settings = settings
        self.source = source
        self.complain = complain
        state = Mutex(State(files: try Self.read(settings)))
    }

    /// Reads the files anew.
    /// - Throws: if they cannot be used; then everything stays as it was.
    public func reload() throws(TLSError) {
        let files = try Self.read(settings)
        state.withLock { state in state = State(files: files) }
    }

    /// Reads the files anew if one of them has changed since they were last tried.
    /// - Returns: whether that was so.
    /// - Throws: as ``reload()``, once for each change.
    @discardableResult
    public func reloadIfChanged() throws(TLSError) -> Bool {
        let stamps = Self.stamps(settings)
        guard state.withLock({ $0.files.stamps != stamps }) else { return false }
        do throws(TLSError) { try reload() } catch {
            state.withLock { $0.files.stamps = stamps }
            throw error
        }
        return true
    }

    /// The context for a handshake.
    /// - Parameter serverName: the host that the client asked for, in lower case.
    func context(serverName: String?) -> TLSContext {
        guard let serverName, let certificate = source?.certificate(serverName: serverName) else {
            return state.withLock { $0.files.context }
        }
        let (kept, configuration, fallback) = state.withLock { state in
            (state.kept[certificate.owner], state.files.configuration, state.files.context)
        }
        if let kept, kept.certificate == certificate { return kept.context ?? fallback }
        var context: TLSContext?
        do {
            var own = configuration
            let chain = try NIOSSLCertificate.fromPEMBytes(certificate.chain)
            own.certificateChain = chain.map { .certificate($0) }
            own.privateKey = .privateKey(try NIOSSLPrivateKey(bytes: certificate.key, format: .pem))
            context = try TLSContext(own, chain, place: serverName)
        } catch {
            complain("the certificate of virtual host \(serverName) cannot be used, the server's own is shown: \(error)")
        }
        state.withLock { state in
            if state.kept.count >= Self.maximumKept, state.kept[certificate.owner] == nil, let victim = state.kept.keys.randomElement() {
                state.kept[victim] = nil
            }
            state.kept[certificate.owner] = Kept(certificate: certificate, context: context)
        }
        return context ?? fallback
    }

    /// The server's own certificate, and those of virtual hosts that were asked for.
    var certificates: [MonitorFacts.Certificate] {
        let (own, kept) = state.withLock { ($0.files.context, $0.kept.values.compactMap { $0.context }) }
        return ([own] + kept.sorted { $0.place < $1.place }).map {
            MonitorFacts.Certificate(place: $0.place, subject: $0.subject, validUntil: $0.validUntil)
        }
    }

    // MARK: Files

    private static func stamps(_ settings: TLSSettings) -> [FileStamp?] {
        [settings.certificateFile, settings.keyFile, settings.authorityFile].map { $0.flatMap(FileStamp.init) }
    }

    private static func read(_ settings: TLSSettings) throws(TLSError) -> Files {
        // Before the contents: a file that changes meanwhile is read again.
        let stamps = stamps(settings)
        func attempt<T>(_ file: String, _ what: String, _ body: (String) throws -> T) throws(TLSError) -> T {
            do { return try body(file) } catch { throw TLSError("\(file): \(what) cannot be read: \(error)") }
        }
        let chain = try attempt(settings.certificateFile, "certificate") { try NIOSSLCertificate.fromPEMFile($0) }
        guard !chain.isEmpty else { throw TLSError("\(settings.certificateFile): there is no certificate in it") }
        let key = try attempt(settings.keyFile, "key") { try NIOSSLPrivateKey(file: $0, format: .pem) }
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key))
        configuration.minimumTLSVersion = .tlsv12
        configuration.cipherSuites = settings.ciphers
        configuration.shutdownTimeout = .seconds(2)
        switch settings.clientCertificates {
        case .none: configuration.certificateVerification = .none
        case .request: configuration.certificateVerification = .optionalVerification
        case .require: configuration.certificateVerification = .noHostnameVerification
        }
        if settings.clientCertificates != .none {
            guard let file = settings.authorityFile else {
                throw TLSError("client certificates cannot be verified: no file with their authorities is set")
            }
            let authorities = try attempt(file, "authorities") { try NIOSSLCertificate.fromPEMFile($0) }
            guard !authorities.isEmpty else { throw TLSError("\(file): there is no certificate in it") }
            configuration.trustRoots = .certificates(authorities)
            configuration.sendCANameList = true
        }
        do {
            return Files(stamps: stamps, configuration: configuration, context: try TLSContext(configuration, chain, place: settings.certificateFile))
        } catch {
            throw TLSError(
                "\(settings.certificateFile): the certificate cannot be used with the key \(settings.keyFile) and the ciphers "
                    + "\(settings.ciphers): \(error)")
        }
    }
}
