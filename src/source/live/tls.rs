//! The certificates that a port of a pod shows: a TLS handshake through a port-forward, and nothing after it.

use super::call::{Caller, spoken};
use super::tunnel::Forward;
use super::why::why;
use crate::facts::Outcome;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, Error, SignatureScheme};
use std::fmt::Write;
use std::sync::{Arc, Mutex};
use tokio::time::timeout;

/// Columns of base64 in PEM.
const COLUMNS: usize = 64;

pub async fn certificates(caller: &Caller, namespace: &str, pod: &str, port: u16, server_name: &str) -> Outcome {
    let place = format!("{pod}.{namespace} (port {port})");
    let failed = |words: String| Outcome::Failed(format!("{place}: {words}"));
    let Ok(name) = ServerName::try_from(server_name.to_owned()) else {
        return failed(format!("{server_name:?} is no name of a server"));
    };
    let seen = Arc::new(Anything::new());
    let config = rustls::ClientConfig::builder().dangerous().with_custom_certificate_verifier(seen.clone());
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config.with_no_client_auth()));
    let shaking = async {
        let (stream, mut forward) = Forward::open(caller, namespace, pod, port, &place).await?;
        match connector.connect(name, stream).await {
            Ok(_) => Ok(()),
            Err(error) => Err(match forward.complaint().await {
                Some(complaint) => failed(complaint.trim().to_owned()),
                None => failed(format!("no TLS: {}", why(&error))),
            }),
        }
    };
    let shaken = timeout(caller.deadline, shaking).await;
    // A server may want a certificate of ours, and refuse us after it has shown its own.
    match (seen.pem(), shaken) {
        (Some(pem), _) => Outcome::Text(pem),
        (None, Ok(Err(outcome))) => outcome,
        (None, Ok(Ok(()))) => failed("it shows no certificate".to_owned()),
        (None, Err(_)) => Outcome::TimedOut(format!("{place}: no handshake within {}", spoken(caller.deadline))),
    }
}

/// Takes whatever is shown, and keeps it: to look at certificates, and for `--insecure`; for nothing else.
#[derive(Debug)]
pub struct Anything {
    provider: CryptoProvider,
    chain: Mutex<Vec<CertificateDer<'static>>>,
}

impl Anything {
    pub fn new() -> Self {
        Anything { provider: ring::default_provider(), chain: Mutex::default() }
    }

    fn pem(&self) -> Option<String> {
        let chain = self.chain.lock().ok()?;
        let mut text = String::new();
        for certificate in chain.iter() {
            text.push_str("-----BEGIN CERTIFICATE-----\n");
            let encoded = STANDARD.encode(certificate);
            for line in encoded.as_bytes().chunks(COLUMNS) {
                let _ = writeln!(text, "{}", String::from_utf8_lossy(line));
            }
            text.push_str("-----END CERTIFICATE-----\n");
        }
        (!text.is_empty()).then_some(text)
    }
}

impl ServerCertVerifier for Anything {
    fn verify_server_cert(
        &self,
        own: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if let Ok(mut chain) = self.chain.lock() {
            *chain = std::iter::once(own).chain(others).map(|one| one.clone().into_owned()).collect();
        }
        Ok(ServerCertVerified::assertion())
    }
    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }
    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }
    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
