//! Whether charts are signed by somebody who is trusted: the keyring, and what was signed of an archive.

use super::{LARGEST, digest, now};
use crate::charts::provenance::{Keyring, Refusal, Signed};
use crate::cli::quoted;
use crate::error::{Error, Kind, Result};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

const KEYRING: u64 = 64 << 20;
pub(super) const PROVENANCE: u64 = 1 << 20;

/// Whoever has a key in this ring.
pub struct Trust {
    path: String,
    ring: Keyring,
}

/// An archive whose signature is good.
#[derive(Clone, Debug)]
pub struct Verified {
    pub file: String,
    /// SHA-256 in hexadecimal.
    pub digest: String,
    pub signed: Signed,
}

impl Verified {
    pub fn words(&self) -> String {
        let by = self.signed.by.join(", ");
        format!("{} is signed by {by}, key {}, sha256:{}", self.file, self.signed.fingerprint, self.digest)
    }
}

impl Trust {
    /// The keyring at `path`, else the one that Helm takes: `pubring.gpg` where GnuPG keeps its own.
    pub fn read(path: Option<&str>) -> Result<Trust> {
        let path = path.map(str::to_owned).or_else(usual).ok_or_else(|| {
            Error::new(Kind::Usage, "whom to trust is not known").hint("name a file of public keys: --keyring FILE")
        })?;
        let unread = |why: String| {
            let error = Error::new(Kind::Input, format!("can't read the keyring {}", quoted(&path))).cause(why);
            error.hint("gpg --export KEY >FILE writes one; then --keyring FILE")
        };
        let bytes = bounded(Path::new(&path), KEYRING).map_err(|e| unread(e.to_string()))?;
        let ring = Keyring::read(&bytes).map_err(unread)?;
        Ok(Trust { path, ring })
    }

    /// An archive on this machine, with its provenance beside it.
    pub fn file(&self, path: &str) -> Result<Verified> {
        let at = Path::new(path);
        if at.is_dir() {
            return Err(Error::new(Kind::Input, format!("can't verify {path}"))
                .cause("it is a folder, and only packed charts are signed")
                .hint("meshctl charts pull --prov --to DIR fetches them packed, with their signatures"));
        }
        let cannot = |e: std::io::Error| Error::new(Kind::Input, format!("can't read {path}")).because(&e);
        let bytes = bounded(at, LARGEST).map_err(cannot)?;
        let mut beside = at.as_os_str().to_owned();
        beside.push(".prov");
        let provenance = match bounded(Path::new(&beside), PROVENANCE) {
            Ok(provenance) => Some(provenance),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => None,
            Err(e) => return Err(Error::new(Kind::Input, format!("can't read {path}.prov")).because(&e)),
        };
        let name = at.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        self.check(path, &name, &digest(&bytes), provenance.as_deref())
    }

    /// `from`: where it comes from; `file`: the name that it was signed with.
    pub fn check(&self, from: &str, file: &str, digest: &str, provenance: Option<&[u8]>) -> Result<Verified> {
        let Some(provenance) = provenance else {
            return Err(Error::new(Kind::Input, format!("{from} is not signed"))
                .cause(format!("there is no {file}.prov beside it"))
                .hint("its publisher signs it with helm package --sign; without --verify it is taken as it is"));
        };
        let checked = self.ring.check(provenance, file, digest, now().timestamp().as_second());
        let signed = checked.map_err(|refusal| self.refused(from, file, digest, refusal))?;
        Ok(Verified { file: file.to_owned(), digest: digest.to_owned(), signed })
    }

    fn refused(&self, from: &str, file: &str, digest: &str, refusal: Refusal) -> Error {
        let damaged = "it was damaged or changed on the way, and nothing of it is kept; ask its publisher";
        let error = Error::new(Kind::Input, format!("{from} is not verified"));
        match refusal {
            Refusal::Unreadable(why) => error.cause(format!("{file}.prov: {why}")).hint(damaged),
            Refusal::UnknownKey(id) => {
                let known = match self.ring.names().as_slice() {
                    [] => String::new(),
                    names => format!(" (keys of {})", names.iter().take(4).cloned().collect::<Vec<_>>().join(", ")),
                };
                error
                    .cause(format!(
                        "it is signed by the key {id}, and {} has no such key that may sign{known}",
                        quoted(&self.path)
                    ))
                    .hint(format!("once you know whose it is: gpg --export {id} >FILE, then --keyring FILE"))
            }
            Refusal::BadSignature => error.cause(format!("{file}.prov: what it says is not what was signed")).hint(damaged),
            Refusal::Unsupported(what) => {
                let error = error.cause(format!("{file}.prov is signed with {what}, which is not supported"));
                error.hint(format!("gpg --verify {file}.prov may know it; then leave --verify out"))
            }
            Refusal::Ended(what) => error.cause(what).hint("ask its publisher for a newer signature, or a newer key"),
            Refusal::NotNamed(files) => error
                .cause(format!("what was signed is {}, and not {file}", files.join(", ")))
                .hint("an archive has to keep the name that it was signed with"),
            Refusal::OtherDigest(signed) => error.cause(format!("it is sha256:{digest}, and {signed} was signed")).hint(damaged),
        }
    }
}

fn usual() -> Option<String> {
    let home = || std::env::var_os("HOME").filter(|home| !home.is_empty()).map(|home| PathBuf::from(home).join(".gnupg"));
    let folder = std::env::var_os("GNUPGHOME").map(PathBuf::from).or_else(home)?;
    Some(folder.join("pubring.gpg").to_string_lossy().into_owned())
}

/// A file that is no larger than that.
fn bounded(path: &Path, most: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return Err(std::io::Error::other(format!("it is larger than {most} bytes")));
    }
    Ok(bytes)
}
