//! How control planes are asked, by flags.

use crate::cli::Ctx;
use crate::error::{Error, Kind, Result};
use crate::facts::{Channel, Transport};
use crate::source::live::Credentials;
use clap::Args;
use std::path::PathBuf;

/// How control planes are asked.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Control planes")]
pub struct Asked {
    /// How control planes are asked
    #[arg(long, value_name = "HOW", default_value = "auto")]
    pub transport: Transport,
    /// Ask the control plane at this address, over gRPC, instead of those in the cluster
    #[arg(long, value_name = "HOST:PORT")]
    pub xds_address: Option<String>,
    /// Name that its certificate must have
    #[arg(long, value_name = "NAME")]
    pub authority: Option<String>,
    /// Folder with cert-chain.pem, key.pem and root-cert.pem, instead of a token and the cluster's root
    #[arg(long, value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    pub cert_dir: Option<PathBuf>,
    /// gRPC without TLS and without a token (port 15010)
    #[arg(long, conflicts_with_all = ["cert_dir", "authority", "insecure"])]
    pub plaintext: bool,
    /// Take whatever certificate is shown: whoever stands between can read the token
    #[arg(long)]
    pub insecure: bool,
}

impl Asked {
    pub fn credentials(&self) -> Credentials {
        Credentials { cert_dir: self.cert_dir.clone(), insecure: self.insecure, alone: self.grpc() }
    }

    /// Nothing but gRPC: who gives a certificate wants it to be used.
    fn grpc(&self) -> bool {
        self.transport == Transport::Grpc || self.proves()
    }

    fn proves(&self) -> bool {
        self.cert_dir.is_some() || self.plaintext || self.insecure || self.authority.is_some()
    }

    /// The flags, and what is wrong with them.
    pub fn channel(&self, ctx: &Ctx) -> Result<Channel> {
        if let Some(address) = &self.xds_address {
            let port = address.rsplit_once(':').and_then(|(host, port)| port.parse::<u16>().ok().filter(|_| !host.is_empty()));
            if port.is_none() {
                let error = Error::new(Kind::Usage, format!("--xds-address {address:?} is no HOST:PORT"));
                return Err(error.hint("such as --xds-address istiod.example.org:15012"));
            }
            if self.transport == Transport::Http {
                let error = Error::new(Kind::Usage, "--xds-address is asked over gRPC, and --transport says http");
                return Err(error.hint("leave --transport away"));
            }
        }
        if self.proves() && self.transport == Transport::Http {
            let error = Error::new(Kind::Usage, "certificates and TLS are for gRPC, and --transport says http");
            return Err(error.hint("use --transport grpc"));
        }
        if self.insecure {
            ctx.ui.warning("--insecure: the certificate of the control plane is not verified");
        }
        Ok(Channel {
            transport: if self.grpc() { Transport::Grpc } else { self.transport },
            address: self.xds_address.clone(),
            authority: self.authority.clone(),
            plaintext: self.plaintext,
            ..Channel::default()
        })
    }
}
