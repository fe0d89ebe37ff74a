// swift-tools-version: 6.2
import PackageDescription

/// Every module: Swift 6 language mode, explicit existentials, lifetimes of borrowed bytes checked by the compiler.
let common: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableExperimentalFeature("Lifetimes"),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
]
/// The modules that read bytes from outside or from the map: each unsafe spot is marked and says why it is sound.
let strict = common + [.strictMemorySafety()]

let package = Package(
    name: "muster",
    products: [
        .library(name: "Muster", targets: ["Muster"]),
        .library(name: "LDAP", targets: ["LDAP"]),
        .executable(name: "muster", targets: ["MusterCommand"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.0"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-configuration", from: "1.4.0"),
    ],
    targets: [
        .target(name: "BER", swiftSettings: strict),
        .target(name: "LDAP", dependencies: ["BER"], swiftSettings: strict),
        .target(name: "Schema", dependencies: ["BER", "LDAP"], swiftSettings: common),
        .systemLibrary(name: "CLMDB", providers: [.apt(["liblmdb-dev"])]),
        .systemLibrary(name: "CCrypto", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CArgon2", pkgConfig: "libargon2", providers: [.apt(["libargon2-dev"])]),
        .systemLibrary(name: "CCrypt", providers: [.apt(["libcrypt-dev"])]),
        .target(name: "LMDB", dependencies: ["CLMDB"], swiftSettings: strict),
        .target(name: "EntryStore", dependencies: ["BER", "LDAP", "Schema", "LMDB"], swiftSettings: strict),
        .target(name: "Directory", dependencies: ["BER", "LDAP", "Schema", "EntryStore", "CCrypto", "CArgon2", "CCrypt"], swiftSettings: common),
        .systemLibrary(name: "CLDAPClient", providers: [.apt(["libldap-dev"])]),
        .target(name: "LDAPClient", dependencies: ["CLDAPClient"], swiftSettings: common),
        .systemLibrary(name: "CKerberos", providers: [.apt(["libkrb5-dev"])]),
        .target(name: "KerberosClient", dependencies: ["CKerberos"], swiftSettings: common),
        .target(
            name: "MailDirectory", dependencies: ["BER", "LDAP", "Schema", "EntryStore", "Directory", "CCrypto", "LDAPClient", "KerberosClient"],
            swiftSettings: common),
        .target(
            name: "LDAPServer",
            dependencies: [
                "BER", "LDAP", "Directory", "CCrypto",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOTLS", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ], swiftSettings: common),
        .target(
            name: "Muster",
            dependencies: [
                "LDAP", "Schema", "EntryStore", "Directory", "MailDirectory", "LDAPServer",
                .product(name: "Configuration", package: "swift-configuration"),
            ], swiftSettings: common),
        .executableTarget(
            name: "MusterCommand",
            dependencies: ["Muster", .product(name: "ArgumentParser", package: "swift-argument-parser")],
            swiftSettings: common),

        .target(name: "SeededRandom", path: "Tests/SeededRandom", swiftSettings: common),
        .testTarget(name: "BERTests", dependencies: ["SeededRandom", "BER"], swiftSettings: common),
        .testTarget(name: "LDAPTests", dependencies: ["SeededRandom", "LDAP", "BER"], swiftSettings: common),
        .testTarget(name: "SchemaTests", dependencies: ["SeededRandom", "Schema", "LDAP"], swiftSettings: common),
        .testTarget(name: "LMDBTests", dependencies: ["SeededRandom", "LMDB"], swiftSettings: common),
        .testTarget(name: "EntryStoreTests", dependencies: ["SeededRandom", "EntryStore", "LMDB", "Schema", "LDAP", "BER"], swiftSettings: common),
        .testTarget(name: "DirectoryTests", dependencies: ["SeededRandom", "Directory", "EntryStore", "Schema", "LDAP", "BER"], swiftSettings: common),
        .testTarget(
            name: "MailDirectoryTests", dependencies: ["SeededRandom", "MailDirectory", "LDAPServer", "Directory", "EntryStore", "Schema", "LDAP", "BER"],
            swiftSettings: common),
        .testTarget(name: "LDAPServerTests", dependencies: ["LDAPServer", "Muster", "Directory", "EntryStore", "Schema", "LDAP", "BER"], swiftSettings: common),
    ]
)
