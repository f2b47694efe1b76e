//! From what a chart is called to an archive on this machine: repositories, registries, and what was fetched before.

use super::registry::Registry;
use super::shelf::Shelf;
use super::trust::{PROVENANCE, Trust, Verified};
use super::web::{Options, Silence, Web, meaning, shown};
use super::{LARGEST, digest, read};
use crate::charts::index::{self, Entry, Index};
use crate::charts::reference::{Image, Reference, is_sha256, tag_of, version_of};
use crate::error::{Error, Kind, Result};
use crate::source::cache::{Readers, replace};
use reqwest::Url;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock};

/// The largest indexes of public repositories have some 20 megabytes.
const INDEX: u64 = 64 << 20;

pub struct Fetcher {
    options: Options,
    /// Made when somebody is asked: it reads every root certificate of the machine.
    web: OnceLock<Web>,
    shelf: Option<Shelf>,
    /// By repository: each is asked once.
    indexes: Mutex<BTreeMap<String, Arc<Index>>>,
}

/// Who says that the archive is the one that is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vouched {
    /// The checksum in the repository's index.
    Index,
    /// The registry's digests.
    Registry,
    /// The checksum it had when it was fetched.
    Shelf,
    Nobody,
}

impl Vouched {
    pub fn words(self) -> &'static str {
        match self {
            Vouched::Index => "as the index says",
            Vouched::Registry => "as the registry says",
            Vouched::Shelf => "as it was fetched before",
            Vouched::Nobody => "nobody gives one",
        }
    }
}

#[derive(Clone, Debug)]
pub struct Got {
    pub path: String,
    pub name: String,
    pub version: String,
    /// Its address.
    pub from: String,
    /// SHA-256 in hexadecimal.
    pub digest: String,
    pub vouched: Vouched,
    pub provenance: Option<Vec<u8>>,
    /// Who signed it, if somebody had to.
    pub verified: Option<Verified>,
}

impl Got {
    /// Writes it into a folder as `NAME-VERSION.tgz`, with its provenance beside it; gives the file's path.
    pub fn put(&self, folder: &str) -> Result<String> {
        let file = Path::new(folder).join(format!("{}-{}.tgz", self.name, self.version));
        let cannot = |e: std::io::Error| Error::new(Kind::Output, format!("can't write {}", file.display())).because(&e);
        fs::create_dir_all(folder).map_err(cannot)?;
        let bytes = fs::read(&self.path).map_err(cannot)?;
        if digest(&bytes) != self.digest {
            return Err(Error::new(Kind::Input, format!("{} changed while it was read", self.path)).hint("try again"));
        }
        replace(&file, &bytes, Readers::Usual).map_err(cannot)?;
        if let Some(provenance) = &self.provenance {
            replace(&file.with_extension("tgz.prov"), provenance, Readers::Usual).map_err(cannot)?;
        }
        Ok(file.to_string_lossy().into_owned())
    }
}

/// What is wanted of a chart.
#[derive(Clone, Copy)]
pub struct Wish<'a> {
    pub reference: &'a Reference,
    pub range: Option<&'a str>,
    pub provenance: bool,
    /// It has to be signed by one of them.
    pub trust: Option<&'a Trust>,
    /// A command that fetches it on another machine.
    pub elsewhere: &'a str,
}

impl Wish<'_> {
    /// Its provenance is wanted too.
    fn signed(&self) -> bool {
        self.provenance || self.trust.is_some()
    }
}

/// An archive that came, before it is kept.
struct Arrived {
    bytes: Vec<u8>,
    version: Option<String>,
    from: String,
    /// What it is called there.
    file: String,
    vouched: Vouched,
    provenance: Option<Vec<u8>>,
}

impl Fetcher {
    pub fn new(options: &Options) -> Fetcher {
        Fetcher { options: options.clone(), web: OnceLock::new(), shelf: Shelf::open(), indexes: Mutex::new(BTreeMap::new()) }
    }

    fn web(&self) -> Result<&Web> {
        if let Some(web) = self.web.get() {
            return Ok(web);
        }
        let web = Web::new(&self.options)?;
        Ok(self.web.get_or_init(|| web))
    }

    /// The chart, from the cache if its full version is named and it is there.
    pub async fn get(&self, wish: Wish<'_>) -> Result<Got> {
        let shelf = self
            .shelf
            .as_ref()
            .ok_or_else(|| Error::new(Kind::Output, "there is no place to keep charts").hint("XDG_CACHE_HOME=DIR names one"))?;
        let source = source(wish.reference)?;
        let exact = wish.range.filter(|range| index::is_exact(range) && !wish.signed());
        if let (Some(name), Some(version)) = (wish.reference.name(), exact)
            && let Some((path, digest)) = shelf.find(&source, name, version)
        {
            let (name, version) = (name.to_owned(), version.to_owned());
            return Ok(Got {
                path,
                name,
                version,
                from: source,
                digest,
                vouched: Vouched::Shelf,
                provenance: None,
                verified: None,
            });
        }
        let arrived = match wish.reference {
            Reference::Path(path) => return Err(Error::new(Kind::Internal, format!("{path} is on this machine"))),
            Reference::Listed { repository, chart } => self.listed(wish, repository, chart).await?,
            Reference::Registry(image) => self.pulled(wish, image).await?,
            Reference::Archive(address) => {
                let url = url(address)?;
                let bytes = self.download(wish, &url).await?;
                let provenance = self.signed(wish, &url).await?;
                Arrived { bytes, version: None, from: shown(&url), file: file(&url), vouched: Vouched::Nobody, provenance }
            }
        };
        self.kept(wish, shelf, &source, arrived)
    }

    /// What the repository or registry has, the newest first.
    pub async fn versions(&self, reference: &Reference, elsewhere: &str) -> Result<Vec<Entry>> {
        let wish = Wish { reference, range: None, provenance: false, trust: None, elsewhere };
        match reference {
            Reference::Listed { repository, chart } => {
                let index = self.index(wish, repository).await?;
                match index.chart(chart) {
                    [] => Err(unknown(chart, &shown(&url(repository)?), &index)),
                    entries => Ok(entries.to_vec()),
                }
            }
            Reference::Registry(image) => {
                let entry = |version| Entry {
                    version,
                    app_version: String::new(),
                    created: String::new(),
                    description: String::new(),
                    deprecated: false,
                    urls: Vec::new(),
                    digest: None,
                };
                Ok(self.tags(wish, image).await?.into_iter().map(entry).collect())
            }
            Reference::Path(_) | Reference::Archive(_) => Ok(Vec::new()),
        }
    }

    /// Versions that were fetched before, the newest first.
    pub fn kept_versions(&self, reference: &Reference) -> Vec<String> {
        match (&self.shelf, reference.name(), source(reference)) {
            (Some(shelf), Some(name), Ok(source)) => shelf.versions(&source, name),
            _ => Vec::new(),
        }
    }

    async fn listed(&self, wish: Wish<'_>, repository: &str, chart: &str) -> Result<Arrived> {
        let base = url(repository)?;
        let place = shown(&base);
        let index = self.index(wish, repository).await?;
        let entries = index.chart(chart);
        if entries.is_empty() {
            return Err(unknown(chart, &place, &index));
        }
        let versions: Vec<&str> = entries.iter().map(|entry| entry.version.as_str()).collect();
        let found = index::choose(entries, |entry| &entry.version, wish.range).map_err(|why| unread(wish.range, why))?;
        let entry = found.ok_or_else(|| unfit(chart, &place, wish.range, &versions))?;
        let address = entry.urls.first().and_then(|address| folder(&base).join(address).ok());
        let address = address.ok_or_else(|| {
            Error::new(Kind::Input, format!("the index of {place} does not say where {chart} {} is", entry.version))
        })?;
        if let (Some(shelf), Some(promised), false) = (&self.shelf, &entry.digest, wish.signed())
            && let Some((path, kept)) = shelf.find(&place, chart, &entry.version)
            && kept == *promised
            && let Ok(bytes) = fs::read(path)
        {
            return Ok(Arrived {
                bytes,
                version: Some(entry.version.clone()),
                from: shown(&address),
                file: file(&address),
                vouched: Vouched::Index,
                provenance: None,
            });
        }
        let bytes = self.download(wish, &address).await?;
        let own = digest(&bytes);
        let vouched = match &entry.digest {
            None => Vouched::Nobody,
            Some(promised) if *promised == own => Vouched::Index,
            Some(promised) => {
                let error = Error::new(Kind::Input, format!("{} is not the chart that the repository promises", shown(&address)));
                let error = error.cause(if is_sha256(promised) {
                    format!("its SHA-256 is {own}, and the index says {promised}")
                } else {
                    format!("its SHA-256 is {own}, and the index says {promised:?}, which is none")
                });
                return Err(
                    error.hint("it was damaged or replaced on the way, and nothing of it is kept; ask who runs the repository")
                );
            }
        };
        let provenance = self.signed(wish, &address).await?;
        let (from, file) = (shown(&address), file(&address));
        Ok(Arrived { bytes, version: Some(entry.version.clone()), from, file, vouched, provenance })
    }

    async fn pulled(&self, wish: Wish<'_>, image: &Image) -> Result<Arrived> {
        let version = match (&image.tag, &image.digest) {
            (Some(tag), _) => version_of(tag),
            (None, Some(_)) => String::new(),
            (None, None) => match wish.range.filter(|range| index::is_exact(range)) {
                Some(exact) => exact.to_owned(),
                None => {
                    let tags = self.tags(wish, image).await?;
                    let versions: Vec<&str> = tags.iter().map(String::as_str).collect();
                    let found = index::choose(&tags, |tag| tag, wish.range).map_err(|why| unread(wish.range, why))?;
                    found.cloned().ok_or_else(|| unfit(&image.path, &address(image), wish.range, &versions))?
                }
            },
        };
        let registry = Registry::new(self.web()?, image).map_err(|silence| silent(&silence, &address(image), wish))?;
        let pulled = registry.pull(&tag_of(&version), wish.signed()).await;
        let from = if version.is_empty() { address(image) } else { format!("{}:{}", address(image), tag_of(&version)) };
        let pulled = pulled.map_err(|silence| silent(&silence, &from, wish))?;
        let version = Some(version).filter(|version| !version.is_empty());
        let name = image.path.rsplit('/').next().unwrap_or_default();
        // One that is called by its digest is signed under the version that is in it.
        let file = version.as_ref().map_or(String::new(), |version| format!("{name}-{version}.tgz"));
        let (bytes, provenance) = (pulled.bytes, pulled.provenance);
        Ok(Arrived { bytes, version, from, file, vouched: Vouched::Registry, provenance })
    }

    async fn tags(&self, wish: Wish<'_>, image: &Image) -> Result<Vec<String>> {
        let fail = |silence: Silence| silent(&silence, &address(image), wish);
        let tags = Registry::new(self.web()?, image).map_err(fail)?.tags().await.map_err(fail)?;
        let mut versions: Vec<String> =
            tags.iter().map(|tag| version_of(tag)).filter(|version| index::is_exact(version)).collect();
        index::newest_first(&mut versions, |version| version);
        Ok(versions)
    }

    async fn index(&self, wish: Wish<'_>, repository: &str) -> Result<Arc<Index>> {
        if let Some(index) = self.indexes.lock().ok().and_then(|known| known.get(repository).cloned()) {
            return Ok(index);
        }
        let base = url(repository)?;
        let at =
            folder(&base).join("index.yaml").map_err(|e| Error::new(Kind::Usage, format!("{repository} is no address: {e}")))?;
        let web = self.web()?;
        let answer = web.get(&at, "", web.basic().as_deref(), INDEX).await;
        let answer = answer.map_err(|silence| silent(&silence, &shown(&base), wish))?;
        if answer.status != 200 {
            let silence = Silence { unreached: false, why: meaning(answer.status) };
            return Err(silent(&silence, &shown(&at), wish));
        }
        let text = String::from_utf8(answer.body).map_err(|_| "it is no text".to_owned());
        let index = text.and_then(|text| Index::parse(&text));
        let index = index.map_err(|why| Error::new(Kind::Input, format!("can't read the index {}", shown(&at))).cause(why))?;
        let index = Arc::new(index);
        if let Ok(mut known) = self.indexes.lock() {
            known.insert(repository.to_owned(), index.clone());
        }
        Ok(index)
    }

    async fn download(&self, wish: Wish<'_>, at: &Url) -> Result<Vec<u8>> {
        let answer = self.web()?.get(at, "", self.password(wish, at)?.as_deref(), LARGEST).await;
        let answer = answer.map_err(|silence| silent(&silence, &shown(at), wish))?;
        if answer.status != 200 {
            let silence = Silence { unreached: false, why: meaning(answer.status) };
            return Err(silent(&silence, &shown(at), wish));
        }
        Ok(answer.body)
    }

    /// Name and password are for the repository, not for another host that it sends us to.
    fn password(&self, wish: Wish<'_>, at: &Url) -> Result<Option<String>> {
        let same = match wish.reference {
            Reference::Listed { repository, .. } => url(repository)?.origin() == at.origin(),
            _ => true,
        };
        Ok(self.web()?.basic().filter(|_| same))
    }

    /// The file beside an archive that says who made it; not every chart has one.
    async fn signed(&self, wish: Wish<'_>, at: &Url) -> Result<Option<Vec<u8>>> {
        if !wish.signed() {
            return Ok(None);
        }
        let mut beside = at.clone();
        beside.set_path(&format!("{}.prov", at.path()));
        let answer = self.web()?.get(&beside, "", self.password(wish, at)?.as_deref(), PROVENANCE).await;
        let answer = answer.map_err(|silence| silent(&silence, &shown(&beside), wish))?;
        Ok(Some(answer.body).filter(|_| answer.status == 200))
    }

    /// Looks into the archive before it is kept: it is the chart that it should be.
    fn kept(&self, wish: Wish<'_>, shelf: &Shelf, source: &str, arrived: Arrived) -> Result<Got> {
        let chart =
            read(&arrived.bytes).map_err(|why| Error::new(Kind::Input, format!("{} is no chart", arrived.from)).cause(why))?;
        let (name, version) = (chart.name().to_owned(), chart.version());
        let other = |wanted: &str, is: &str| {
            Err(Error::new(Kind::Input, format!("{} is another chart", arrived.from))
                .cause(format!("{wanted} is wanted, and it is {is}")))
        };
        if let Some(wanted) = wish.reference.name().filter(|wanted| *wanted != name) {
            return other(wanted, &name);
        }
        if let Some(wanted) =
            arrived.version.as_ref().filter(|wanted| wanted.trim_start_matches('v') != version.trim_start_matches('v'))
        {
            return other(&format!("{name} {wanted}"), &format!("{name} {version}"));
        }
        let plain = |text: &str| {
            !text.is_empty() && !text.starts_with('.') && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._+-".contains(&b))
        };
        if !plain(&name) || !plain(&version) {
            return Err(Error::new(Kind::Input, format!("{} has a name or version that no file can have", arrived.from)));
        }
        let version = arrived.version.unwrap_or(version);
        let digest = digest(&arrived.bytes);
        let Arrived { from, vouched, provenance, .. } = arrived;
        let file = if arrived.file.is_empty() { format!("{name}-{version}.tgz") } else { arrived.file };
        let verified = wish.trust.map(|trust| trust.check(&from, &file, &digest, provenance.as_deref())).transpose()?;
        let path = shelf.keep(source, &name, &version, &arrived.bytes)?;
        Ok(Got { path, name, version, from, digest, vouched, provenance, verified })
    }
}

/// Where a chart is kept apart from those of other places.
fn source(reference: &Reference) -> Result<String> {
    Ok(match reference {
        Reference::Path(path) => path.clone(),
        Reference::Archive(address) => shown(&folder(&url(address)?).join(".").unwrap_or(url(address)?)),
        Reference::Listed { repository, .. } => shown(&url(repository)?),
        Reference::Registry(image) => address(image),
    })
}

fn address(image: &Image) -> String {
    format!("oci://{}/{}", image.host, image.path)
}

fn url(text: &str) -> Result<Url> {
    // The text is not repeated in the message: it may hold a password.
    let url = Url::parse(text).map_err(|e| Error::new(Kind::Usage, format!("the address of the charts is not usable: {e}")))?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(Error::new(Kind::Usage, "the address of the charts is not usable")
            .hint("write it as https://HOST/PATH or oci://HOST/PATH"));
    }
    Ok(url)
}

/// What an archive is called at its address.
fn file(url: &Url) -> String {
    url.path_segments().and_then(|mut parts| parts.next_back()).unwrap_or_default().to_owned()
}

/// The same address as a folder, so that what is joined comes below it.
fn folder(base: &Url) -> Url {
    let mut folder = base.clone();
    if !folder.path().ends_with('/') {
        folder.set_path(&format!("{}/", base.path()));
    }
    folder
}

fn silent(silence: &Silence, place: &str, wish: Wish<'_>) -> Error {
    let what = if silence.unreached { "reach" } else { "fetch" };
    let error = Error::new(Kind::Unreachable, format!("can't {what} {place}")).cause(silence.why.clone());
    if !silence.unreached {
        return error;
    }
    error
        .hint(format!("on a machine that reaches it: {}; then here: --charts DIR", wish.elsewhere))
        .hint("--repo URL names a mirror of it")
}

fn unread(range: Option<&str>, why: String) -> Error {
    Error::new(Kind::Usage, format!("{:?} is no version and no range of them", range.unwrap_or_default()))
        .cause(why)
        .hint("such as --version 1.29.2, --version 1.29, --version '>=1.28 <1.30' or --version '^1.28.0'")
}

fn unfit(chart: &str, place: &str, range: Option<&str>, versions: &[&str]) -> Error {
    let error = match range {
        Some(range) => Error::new(Kind::Input, format!("{place} has no version of {chart} that fits {range}")),
        None => Error::new(Kind::Input, format!("{place} has only pre-releases of {chart}")),
    };
    match versions {
        [] => error.cause("it has none at all"),
        _ => error.hint(format!("the newest are {}", versions.iter().take(6).copied().collect::<Vec<_>>().join(", "))),
    }
}

fn unknown(chart: &str, place: &str, index: &Index) -> Error {
    let names: Vec<&str> = index.names().take(12).collect();
    Error::new(Kind::Input, format!("{place} has no chart {chart}")).hint(format!("it has {}", names.join(", ")))
}
