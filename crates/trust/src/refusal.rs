//! Why a handshake failed, in words.

use rustls::{AlertDescription, CertificateError, Error};

/// Why a handshake failed, as an operator of either end can use it.
#[must_use]
pub fn refusal(error: &Error) -> String {
    use AlertDescription as A;
    use CertificateError as C;
    let reason = match error {
        Error::NoCertificatesPresented => "the peer shows no certificate",
        Error::InvalidCertificate(C::UnknownIssuer | C::BadSignature) => {
            "the peer's certificate is of another authority"
        }
        Error::InvalidCertificate(C::Expired | C::ExpiredContext { .. }) => {
            "the peer's certificate has expired, or one of the two clocks is wrong"
        }
        Error::InvalidCertificate(C::NotValidYet | C::NotValidYetContext { .. }) => {
            "the peer's certificate is not valid yet: one of the two clocks is wrong"
        }
        Error::InvalidCertificate(C::Revoked) => "the peer's certificate was revoked",
        Error::InvalidCertificate(C::UnknownRevocationStatus) => {
            "no list of revoked certificates here is of the peer's authority"
        }
        Error::NoApplicationProtocol | Error::AlertReceived(A::NoApplicationProtocol) => {
            "the peer does not speak Spica's link protocol"
        }
        Error::AlertReceived(A::CertificateRequired) => "the peer saw no certificate of ours",
        Error::AlertReceived(A::UnknownCA | A::DecryptError) => {
            "the peer trusts another authority than the one of our certificate"
        }
        Error::AlertReceived(A::CertificateExpired) => {
            "the peer says that our certificate has expired, or is not valid yet by its clock"
        }
        Error::AlertReceived(A::CertificateRevoked) => {
            "the peer says that our certificate was revoked"
        }
        Error::AlertReceived(A::BadCertificate | A::CertificateUnknown | A::AccessDenied) => {
            "the peer refuses our certificate"
        }
        other => return format!("the TLS handshake failed: {other}"),
    };
    reason.to_owned()
}
