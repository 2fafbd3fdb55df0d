package import ArgumentParser

/// The options for services that are on TLS, the same for every command.
package struct TLSOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            """
            PEM file with the authorities that may sign a service's certificate. Default: MF_FLUXGATE_CA_CERTS, or those \
            that the system trusts.
            """,
            valueName: "file"
        ),
        completion: .file()
    )
    package var caCerts: String?

    @Option(
        help: ArgumentHelp(
            "PEM file with the certificate to prove oneself with. Default: MF_FLUXGATE_CLIENT_CERT.",
            valueName: "file"
        ),
        completion: .file()
    )
    package var clientCert: String?

    @Option(
        help: ArgumentHelp("PEM file with its private key. Default: MF_FLUXGATE_CLIENT_KEY.", valueName: "file"),
        completion: .file()
    )
    package var clientKey: String?

    package init() {}

    func tls(_ variables: ClientVariables) throws(ClientFailure) -> ClientTLS {
        try ClientTLS(
            authorities: caCerts ?? variables.caCertificates,
            certificate: clientCert ?? variables.clientCertificate,
            key: clientKey ?? variables.clientKey
        )
    }
}
