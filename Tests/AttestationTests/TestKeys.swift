import CupelAttestation

/// Keys that OpenSSL 3.0.19 made for these tests alone: `openssl genpkey`, `openssl pkey -pubout`.
enum TestKeys {
  static let ed25519 = """
    -----BEGIN PRIVATE KEY-----
    MC4CAQAwBQYDK2VwBCIEIN8zdOVxhzyZH5n3eHfXW0i1QtgQoTV4SQNU8tIueiS5
    -----END PRIVATE KEY-----
    """
  static let ed25519Public = """
    -----BEGIN PUBLIC KEY-----
    MCowBQYDK2VwAyEAvW4TgVnSKXPlxNX9EyPrjguN+2pO61+HtwRiaeqmbLo=
    -----END PUBLIC KEY-----
    """
  static let p256 = """
    -----BEGIN PRIVATE KEY-----
    MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgSzPqL2CyiO0AKKoJ
    K996+lYgRYIGO0pQ6Ev4QLAJB1uhRANCAARw7jPezei70KolHEJALfjs8wgfIB4z
    usaV+ZTGjZ0QJUgD8R2ooK1FJJNfvIleaWpcwuY3ZHle4VLmo0PT/ppc
    -----END PRIVATE KEY-----
    """
  static let p256Public = """
    -----BEGIN PUBLIC KEY-----
    MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEcO4z3s3ou9CqJRxCQC347PMIHyAe
    M7rGlfmUxo2dECVIA/EdqKCtRSSTX7yJXmlqXMLmN2R5XuFS5qND0/6aXA==
    -----END PUBLIC KEY-----
    """
  static let p384Public = """
    -----BEGIN PUBLIC KEY-----
    MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEGHRW6uAk4u+Jqq1rb5GZ/KySNDmGuMQo
    Ep7XB10TSzWduF3fvN1NyofQxY9i1VEHEdIxj3bKggquJy7ZAcpdI1hL+SezTzjx
    +8CUjubRsgg6PUM9xXAejAau94oI0V7T
    -----END PUBLIC KEY-----
    """

  static let pairs = [(ed25519, ed25519Public), (p256, p256Public)]
}
