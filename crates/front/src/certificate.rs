//! The certificate that a client has shown.

use std::net::IpAddr;

use rustls_pki_types::CertificateDer;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// A client's certificate, once it is known that the client has its key and that one of the trusted
/// authorities signed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCertificate {
    /// The certificate itself.
    pub der: CertificateDer<'static>,
    /// Its subject, as in `CN=gate-7, O=Example`.
    pub subject: String,
    /// The first common name of the subject.
    pub common_name: Option<String>,
    /// The DNS names that it is for.
    pub dns: Vec<String>,
    /// The mail addresses that it is for.
    pub mail: Vec<String>,
    /// The URIs that it is for.
    pub uris: Vec<String>,
    /// The IP addresses that it is for.
    pub addresses: Vec<IpAddr>,
}

impl ClientCertificate {
    /// Reads the names of a certificate; none if it cannot be read.
    pub(crate) fn read(der: &CertificateDer<'_>) -> Option<Self> {
        let (_, parsed) = X509Certificate::from_der(der).ok()?;
        let subject = parsed.subject();
        let common_name = subject.iter_common_name().next();
        let common_name = common_name.and_then(|name| name.as_str().ok());
        let mut read = Self {
            der: der.clone().into_owned(),
            subject: subject.to_string(),
            common_name: common_name.map(str::to_owned),
            dns: Vec::new(),
            mail: Vec::new(),
            uris: Vec::new(),
            addresses: Vec::new(),
        };
        let names = parsed.subject_alternative_name().ok().flatten();
        for name in names.iter().flat_map(|names| &names.value.general_names) {
            read.add(name);
        }
        Some(read)
    }

    fn add(&mut self, name: &GeneralName<'_>) {
        match name {
            GeneralName::DNSName(name) => self.dns.push((*name).to_owned()),
            GeneralName::RFC822Name(name) => self.mail.push((*name).to_owned()),
            GeneralName::URI(name) => self.uris.push((*name).to_owned()),
            GeneralName::IPAddress(octets) => self.addresses.extend(ip_address(octets)),
            _ => {}
        }
    }
}

fn ip_address(octets: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(octets).map(IpAddr::from);
    v4.or_else(|_| <[u8; 16]>::try_from(octets).map(IpAddr::from))
        .ok()
}
