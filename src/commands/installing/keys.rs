//! Key pairs that a mesh wants to be given: taken from the cluster, from files, or made. They are read back and never
//! made anew while they are there: a new anchor would cut off every proxy that trusts the old one.

use super::planning::{Ground, failed};
use super::wanted::{Piece, Wanted};
use crate::charts::object::Ref;
use crate::charts::plan::{Keyed, PrivateKey};
use crate::commands::rendering::{Layer, laid};
use crate::error::{Error, Kind, Result};
use crate::mesh::install::Keys;
use crate::source::{certificates, charts, file};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use jiff::Timestamp;
use serde_json::{Value, json};

/// Days that a webhook's certificate has left when it is made anew.
const RENEWED: i64 = 30;

#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Certificates of a mesh that wants some")]
pub struct KeysArgs {
    /// Trust anchors in PEM, instead of one that is made
    #[arg(long, value_name = "FILE")]
    pub identity_trust_anchors_file: Option<String>,
    /// The issuer's certificate in PEM; one of the anchors signed it
    #[arg(long, value_name = "FILE", requires = "identity_issuer_key_file")]
    pub identity_issuer_certificate_file: Option<String>,
    /// The issuer's private key in PEM (ECDSA P-256)
    #[arg(long, value_name = "FILE", requires = "identity_issuer_certificate_file")]
    pub identity_issuer_key_file: Option<String>,
    /// How long certificates that are made are valid
    #[arg(long, value_name = "YEARS", default_value = "1", value_parser = clap::value_parser!(u16).range(1..=100))]
    pub cert_years: u16,
}

impl KeysArgs {
    fn any(&self) -> bool {
        self.identity_trust_anchors_file.is_some() || self.identity_issuer_certificate_file.is_some()
    }
}

/// Adds what the charts have to be told of keys, and says which have to be made.
pub async fn settle(ground: &Ground<'_>, wanted: &mut Wanted) -> Result<Vec<Keyed>> {
    let args = &wanted.keys.clone();
    let Some(keys) = wanted.mesh.distribution().keys else {
        return if args.any() {
            Err(Error::new(Kind::Usage, format!("{} makes its certificates itself", wanted.mesh.state().name()))
                .hint("leave the --identity flags out; certificates of your own are values or Secrets of its charts"))
        } else {
            Ok(Vec::new())
        };
    };
    let as_installed = wanted.as_installed;
    let in_profile = wanted.profile.parts.contains(&keys.part);
    let Some(piece) = wanted.pieces.iter_mut().find(|piece| piece.part.id == keys.part) else { return Ok(Vec::new()) };
    let before = ground.release(&piece.namespace, &piece.release);
    if !(piece.chosen || as_installed && (in_profile || before.is_some())) {
        return Ok(Vec::new());
    }
    if let (Some(_), true, false) = (before, piece.silent, args.any()) {
        return Ok(Vec::new());
    }
    let values = release_json(&piece.layers)?;
    if at(&values, keys.anchors).is_some() {
        return if args.any() {
            Err(Error::new(Kind::Usage, format!("trust anchors are given twice: as the value {} and as a file", keys.anchors))
                .hint("leave one of them out"))
        } else {
            Ok(Vec::new())
        };
    }
    if let Some(before) = before {
        keep(piece, keys, &before.config);
    }
    let apart = before.is_some_and(|before| at(&before.config, keys.scheme.0).is_some_and(|scheme| scheme == keys.scheme.1));
    let now = charts::now().timestamp();
    let kept = before.and_then(|before| at(&before.config, keys.anchors)?.as_str().map(str::to_owned));
    let found = Found::read(ground, keys, &piece.namespace, kept).await?;
    if apart && found.issuer.is_none() && !args.any() {
        return Err(Error::new(Kind::Input, format!("Secret {}/{} is gone, and with it the issuer's key", piece.namespace, keys.secret))
            .hint("give an issuer that the trust anchors of this cluster signed: --identity-issuer-certificate-file, --identity-issuer-key-file"));
    }
    let settled = Settled { keys, namespace: &piece.namespace, args, now, values: &values }.settle(found, before.is_some())?;
    if let Some(values) = settled.values {
        piece.silent = false;
        piece.layers.push(Layer::Text("certificates".to_owned(), values.to_string()));
    }
    Ok(settled.keys)
}

fn release_json(layers: &[Layer]) -> Result<Value> {
    crate::charts::release::json(&crate::charts::value::Value::map(laid(layers)?))
        .map_err(|why| Error::new(Kind::Input, "can't read the values").cause(why))
}

/// What the release was told of keys stays below what is said now; without anything said, all of its values stay.
fn keep(piece: &mut Piece, keys: &Keys, config: &Value) {
    let mut values = config.clone();
    if let (false, Some(map)) = (piece.silent, values.as_object_mut()) {
        map.retain(|key, _| keys.kept.contains(&key.as_str()));
    }
    piece.layers.insert(0, Layer::Text("the release".to_owned(), values.to_string()));
}

fn at<'v>(values: &'v Value, path: &str) -> Option<&'v Value> {
    path.split('.').try_fold(values, |value, key| value.get(key)).filter(|value| !value.is_null())
}

fn put(values: &mut Value, path: &str, value: Value) {
    let target = path.split('.').fold(values, |at, key| &mut at[key]);
    *target = value;
}

/// What the cluster has.
struct Found {
    anchors: Option<String>,
    /// Its certificate.
    issuer: Option<String>,
    /// The Secret is of another form, which the release would hold the key for.
    other_form: bool,
    /// Certificates of webhooks, in the order of [`Keys::serving`].
    serving: Vec<Option<String>>,
}

impl Found {
    async fn read(ground: &Ground<'_>, keys: &Keys, namespace: &str, kept: Option<String>) -> Result<Found> {
        let get = |kind: &'static str, name: &str| {
            let at = Ref::new("v1", kind, namespace, name);
            async move { ground.writer.get(&ground.kinds, &at).await.map_err(|e| failed(&format!("read {at}"), &e)) }
        };
        let data = |object: &Value, key: &str| {
            let text = object["data"][key].as_str()?;
            String::from_utf8(STANDARD.decode(text).ok()?).ok()
        };
        let secret = get("Secret", keys.secret).await?;
        let roots = get("ConfigMap", keys.roots.0).await?;
        let roots = roots.and_then(|map| Some(map["data"][keys.roots.1].as_str()?.to_owned()));
        let issuer = secret.as_ref().and_then(|secret| data(secret, "tls.crt"));
        let beside = secret.as_ref().and_then(|secret| data(secret, "ca.crt"));
        let mut serving = Vec::new();
        for one in keys.serving {
            serving.push(get("Secret", one.secret).await?.and_then(|secret| data(&secret, "tls.crt")));
        }
        Ok(Found { anchors: kept.or(roots).or(beside), other_form: secret.is_some() && issuer.is_none(), issuer, serving })
    }
}

struct Settled<'a> {
    keys: &'a Keys,
    namespace: &'a str,
    args: &'a KeysArgs,
    now: Timestamp,
    values: &'a Value,
}

/// What the chart is told, and what is made.
struct Outcome {
    values: Option<Value>,
    keys: Vec<Keyed>,
}

impl Settled<'_> {
    fn settle(&self, found: Found, is_release: bool) -> Result<Outcome> {
        // A release of the chart's own form holds its keys itself, as Helm does it.
        if is_release && (found.other_form || found.issuer.is_none()) && !self.args.any() {
            return Ok(Outcome { values: None, keys: Vec::new() });
        }
        if found.other_form {
            return Err(self.foreign());
        }
        let mut made = Vec::new();
        let anchors = match (self.given()?, &found.anchors, &found.issuer) {
            (Given { anchors, issuer: Some((certificate, key)) }, there, _) => {
                let anchors = anchors.or_else(|| there.clone()).ok_or_else(|| {
                    Error::new(Kind::Usage, "an issuer without the anchors that vouch for it")
                        .hint("--identity-trust-anchors-file names them")
                })?;
                self.fits(&anchors, &certificate, Some(&key))?;
                if let Some(there) = there {
                    self.trusted(there, &certificate)?;
                }
                made.push(self.keyed(self.keys.secret, "issuer, given", certificate, &anchors, key, found.issuer.is_some()));
                anchors
            }
            (Given { anchors: Some(anchors), issuer: None }, _, Some(issuer)) => {
                self.fits(&anchors, issuer, None)?;
                anchors
            }
            (Given { anchors: Some(_), issuer: None }, _, None) => {
                return Err(Error::new(Kind::Usage, "trust anchors without an issuer that they vouch for")
                    .hint("--identity-issuer-certificate-file and --identity-issuer-key-file name it"));
            }
            (_, Some(anchors), Some(_)) => anchors.clone(),
            // Anchors without an issuer are of something that is gone; nobody has the key to sign a new one.
            (_, _, _) => {
                let (anchors, keyed) = self.make()?;
                made.push(keyed);
                anchors
            }
        };
        let mut values = json!({});
        put(&mut values, self.keys.anchors, anchors.into());
        put(&mut values, self.keys.scheme.0, self.keys.scheme.1.into());
        for (one, there) in self.keys.serving.iter().zip(found.serving) {
            // Who set it up by hand, with cert-manager for one, keeps it.
            if at(self.values, one.external).is_some() || at(self.values, one.bundle).is_some() {
                continue;
            }
            let bundle = match there {
                Some(there) if days_left(&there, self.now) > RENEWED => there,
                there => {
                    let host = format!("{}.{}.svc", one.service, self.namespace);
                    let pair = certificates::serving(&host, self.now, self.until()).map_err(internal)?;
                    let own = pair.certificate.clone();
                    made.push(self.keyed(one.secret, "webhook, made", pair.certificate, &own, pair.key, there.is_some()));
                    own
                }
            };
            put(&mut values, one.external, true.into());
            put(&mut values, one.bundle, bundle.into());
        }
        Ok(Outcome { values: Some(values), keys: made })
    }

    fn until(&self) -> Timestamp {
        certificates::after(self.now, self.args.cert_years)
    }

    /// Anchor and issuer. The anchor's key is used once and forgotten: what nobody has, nobody steals.
    fn make(&self) -> Result<(String, Keyed)> {
        let domain = self.keys.domain.iter().find_map(|path| at(self.values, path)?.as_str().filter(|name| !name.is_empty()));
        let domain = domain.unwrap_or(self.keys.usual_domain);
        let named = |pattern: &str| pattern.replace("{namespace}", self.namespace).replace("{domain}", domain);
        let anchor = certificates::Authority::new(&named(self.keys.anchor), self.now, self.until()).map_err(internal)?;
        let issuer = anchor.intermediate(&named(self.keys.issuer), self.now, self.until()).map_err(internal)?;
        let keyed = self.keyed(
            self.keys.secret,
            "issuer, made with its trust anchor",
            issuer.certificate,
            &anchor.certificate,
            issuer.key,
            false,
        );
        Ok((anchor.certificate, keyed))
    }

    fn keyed(&self, name: &str, what: &str, certificate: String, authority: &str, key: PrivateKey, replaces: bool) -> Keyed {
        let read = crate::envoy::certificate::read_pem(certificate.as_bytes()).unwrap_or_default();
        let until = read.first().map(|c| c.not_after.split('T').next().unwrap_or_default().to_owned()).unwrap_or_default();
        Keyed {
            object: Ref::new("v1", "Secret", self.namespace, name),
            about: format!("{what}, ECDSA P-256, until {until}"),
            certificate,
            authority: authority.to_owned(),
            replaces,
            key: Some(key),
        }
    }

    fn given(&self) -> Result<Given> {
        let text = |path: &Option<String>| -> Result<Option<String>> {
            let Some(path) = path else { return Ok(None) };
            let text = String::from_utf8(file::read(path)?);
            text.map(Some).map_err(|_| Error::new(Kind::Input, format!("{path} is no PEM: it is no text")))
        };
        let anchors = text(&self.args.identity_trust_anchors_file)?;
        let certificate = text(&self.args.identity_issuer_certificate_file)?;
        let key = text(&self.args.identity_issuer_key_file)?.map(PrivateKey::new);
        Ok(Given { anchors, issuer: certificate.zip(key) })
    }

    fn fits(&self, anchors: &str, certificate: &str, key: Option<&PrivateKey>) -> Result<()> {
        let chain = certificates::is_chain(anchors, certificate, self.now);
        let chain = chain.and_then(|()| key.map_or(Ok(()), |key| certificates::fits(key, certificate)));
        chain.map_err(|why| Error::new(Kind::Input, "these certificates don't go together").cause(why))
    }

    /// Proxies that run trust what they were started with.
    fn trusted(&self, there: &str, certificate: &str) -> Result<()> {
        certificates::is_chain(there, certificate, self.now).map_err(|why| {
            Error::new(Kind::Input, "proxies that run would refuse certificates of the new issuer")
                .cause(format!("by the trust anchors of this cluster: {why}"))
                .hint("first give a file with the old and the new anchors, without an issuer, and restart what is meshed")
        })
    }

    fn foreign(&self) -> Error {
        let (namespace, secret) = (self.namespace, self.keys.secret);
        Error::new(Kind::Input, format!("Secret {namespace}/{secret} is of another installer, and its form can't be taken over"))
            .hint("give the identity that is there, so that proxies go on trusting it, as values of the chart:")
            .hint(format!("kubectl -n {namespace} get secret {secret} -o jsonpath='{{.data}}' shows crt.pem and key.pem"))
            .hint(format!("--set-file {}=ca.crt and those of the issuer", self.keys.anchors))
    }
}

struct Given {
    anchors: Option<String>,
    issuer: Option<(String, PrivateKey)>,
}

fn days_left(certificate: &str, now: Timestamp) -> i64 {
    let read = crate::envoy::certificate::read_pem(certificate.as_bytes()).unwrap_or_default();
    read.first().map_or(0, |certificate| certificate.days_left(now))
}

fn internal(why: String) -> Error {
    Error::new(Kind::Internal, why)
}

#[cfg(test)]
mod tests;
