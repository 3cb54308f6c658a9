import Cupel
import CupelAttestation
import CupelAuditReports
import CupelSupport
import CupelSweep

extension AuditCommand {
  /// Writes the signed statement of what the audit came to, if one is asked for.
  func attest(_ report: RecordedReport, by signer: SigningKey?) throws {
    guard let signer else { return }
    let statement = AuditStatement.statement(of: report, json: try report.json())
    let envelope = try Envelope(signing: statement.json, by: signer)
    try AtomicFile.write(envelope.json, to: signing.attestation)
  }
}
