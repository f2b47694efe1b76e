//! OpenPGP packets (RFC 9580): keys and signatures of version 4.

use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, SHA384, SHA512, digest};
use ring::signature::{self as algorithms, RsaParameters, RsaPublicKeyComponents, UnparsedPublicKey};

pub const SIGNATURE: u8 = 2;
pub const SECRET_KEY: u8 = 5;
pub const PUBLIC_KEY: u8 = 6;
pub const SECRET_SUBKEY: u8 = 7;
pub const USER_ID: u8 = 13;
pub const PUBLIC_SUBKEY: u8 = 14;

/// What there is left to read.
#[derive(Clone, Copy)]
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    /// A number of up to four bytes.
    fn number(&mut self, bytes: usize) -> Option<usize> {
        Some(self.take(bytes)?.iter().fold(0, |number, byte| number << 8 | usize::from(*byte)))
    }

    /// A number of any length, without zeros before it.
    fn mpi(&mut self) -> Option<&'a [u8]> {
        let bits = self.number(2)?;
        let bytes = self.take(bits.div_ceil(8))?;
        let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
        bytes.get(zeros..)
    }

    /// A length in one, two or five bytes; two are told by a first one below `pieces`.
    fn length(&mut self, pieces: usize) -> Option<usize> {
        match self.number(1)? {
            short @ 0..192 => Some(short),
            255 => self.number(4),
            long if long < pieces => Some(((long - 192) << 8) + self.number(1)? + 192),
            _ => None,
        }
    }
}

/// Tags and bodies. `None`: it is cut off, or in pieces, as keys and signatures never are.
pub fn packets(bytes: &[u8]) -> Option<Vec<(u8, &[u8])>> {
    let mut rest = Bytes(bytes);
    let mut all = Vec::new();
    while !rest.0.is_empty() {
        let head = rest.number(1)? as u8;
        let (tag, length) = match head & 0xc0 {
            0xc0 => (head & 0x3f, rest.length(224)?),
            0x80 => (head >> 2 & 0x0f, rest.number(*[1, 2, 4].get(usize::from(head & 3))?)?),
            _ => return None,
        };
        all.push((tag, rest.take(length)?));
    }
    Some(all)
}

enum Material {
    Rsa(Vec<u8>, Vec<u8>),
    Ed25519([u8; 32]),
    P256(Vec<u8>),
    P384(Vec<u8>),
    /// It is read, and nothing can be checked with it here.
    Other,
}

pub struct PublicKey {
    body: Vec<u8>,
    pub created: i64,
    algorithm: u8,
    material: Material,
    pub fingerprint: [u8; 20],
}

const ED25519: &[u8] = &[0x2b, 0x06, 0x01, 0x04, 0x01, 0xda, 0x47, 0x0f, 0x01];
const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
const P384: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x22];

impl PublicKey {
    /// The key in a packet; of a secret key, its public part. `None`: it is damaged or of another version.
    pub fn read(packet: &[u8]) -> Option<PublicKey> {
        let mut rest = Bytes(packet);
        if rest.number(1)? != 4 {
            return None;
        }
        let created = rest.number(4)? as i64;
        let algorithm = rest.number(1)? as u8;
        let material = match algorithm {
            1..=3 => Material::Rsa(rest.mpi()?.to_vec(), rest.mpi()?.to_vec()),
            16 => skip(&mut rest, 3)?,
            17 => skip(&mut rest, 4)?,
            18 => {
                let length = rest.number(1)?;
                rest.take(length)?;
                rest.mpi()?;
                let length = rest.number(1)?;
                rest.take(length)?;
                Material::Other
            }
            19 | 22 => {
                let length = rest.number(1)?;
                let curve = rest.take(length)?;
                let point = rest.mpi()?;
                match (algorithm, curve) {
                    (19, P256) => Material::P256(point.to_vec()),
                    (19, P384) => Material::P384(point.to_vec()),
                    (22, ED25519) => Material::Ed25519(point.strip_prefix(&[0x40])?.try_into().ok()?),
                    _ => Material::Other,
                }
            }
            25 => {
                rest.take(32)?;
                Material::Other
            }
            27 => Material::Ed25519(rest.take(32)?.try_into().ok()?),
            _ => return None,
        };
        let body = packet.get(..packet.len() - rest.0.len())?.to_vec();
        let hashed = digest(&SHA1_FOR_LEGACY_USE_ONLY, &framed(0x99, &body));
        Some(PublicKey { created, algorithm, material, fingerprint: hashed.as_ref().try_into().ok()?, body })
    }

    pub fn id(&self) -> u64 {
        self.fingerprint[12..].iter().fold(0, |id, byte| id << 8 | u64::from(*byte))
    }

    /// As signatures hash it.
    pub fn hashed(&self) -> Vec<u8> {
        framed(0x99, &self.body)
    }
}

fn skip(rest: &mut Bytes<'_>, numbers: usize) -> Option<Material> {
    (0..numbers).try_for_each(|_| rest.mpi().map(|_| ()))?;
    Some(Material::Other)
}

fn framed(mark: u8, body: &[u8]) -> Vec<u8> {
    [&[mark], (body.len() as u16).to_be_bytes().as_slice(), body].concat()
}

#[derive(Debug, PartialEq)]
pub enum Fault {
    /// It is not by this key, or not of this.
    Wrong,
    /// Key or hash are of a kind that can't be checked here.
    Unknown(String),
}

#[derive(Default)]
pub struct Signature {
    pub kind: u8,
    algorithm: u8,
    hash: u8,
    /// What is hashed behind that which is signed.
    trailer: Vec<u8>,
    numbers: Vec<Vec<u8>>,
    pub created: i64,
    /// Seconds after its creation; 0 is never.
    pub expires: i64,
    pub key_expires: i64,
    /// Who says to have made it.
    pub issuer: Option<u64>,
    pub primary: bool,
    pub flags: Option<u8>,
    pub reason: Option<u8>,
    /// By a subkey, for the key it belongs to.
    pub embedded: Option<Box<Signature>>,
}

impl Signature {
    /// `None`: it is damaged, of another version, or asks for something that is not known here.
    pub fn read(packet: &[u8]) -> Option<Signature> {
        Signature::at_depth(packet, 0)
    }

    fn at_depth(packet: &[u8], depth: usize) -> Option<Signature> {
        let mut rest = Bytes(packet);
        if rest.number(1)? != 4 || depth > 1 {
            return None;
        }
        let (kind, algorithm, hash) = (rest.number(1)? as u8, rest.number(1)? as u8, rest.number(1)? as u8);
        let mut it = Signature { kind, algorithm, hash, created: -1, ..Signature::default() };
        let length = rest.number(2)?;
        let hashed = rest.take(length)?;
        let signed = packet.get(..6 + length)?;
        it.trailer = [signed, &[4, 0xff], (signed.len() as u32).to_be_bytes().as_slice()].concat();
        it.told(hashed, true, depth)?;
        let length = rest.number(2)?;
        it.told(rest.take(length)?, false, depth)?;
        rest.take(2)?;
        match algorithm {
            1 | 3 => it.numbers.push(rest.mpi()?.to_vec()),
            17 | 19 | 22 => it.numbers.extend([rest.mpi()?.to_vec(), rest.mpi()?.to_vec()]),
            27 => it.numbers.push(rest.take(64)?.to_vec()),
            _ => return None,
        }
        (it.created >= 0).then_some(it)
    }

    /// Reads what it tells of itself. Beside what is signed, only hints are believed.
    fn told(&mut self, bytes: &[u8], signed: bool, depth: usize) -> Option<()> {
        let mut rest = Bytes(bytes);
        while !rest.0.is_empty() {
            let length = rest.length(255)?;
            let mut body = Bytes(rest.take(length)?);
            let head = body.number(1)?;
            let (kind, critical) = (head & 0x7f, head & 0x80 != 0);
            if !signed && !matches!(kind, 16 | 32 | 33) {
                continue;
            }
            match kind {
                2 => self.created = body.number(4)? as i64,
                3 => self.expires = body.number(4)? as i64,
                9 => self.key_expires = body.number(4)? as i64,
                16 => self.issuer = Some((body.number(4)? as u64) << 32 | body.number(4)? as u64),
                20 if critical => return None,
                25 => self.primary = body.number(1)? != 0,
                27 => self.flags = Some(body.number(1)? as u8),
                29 => self.reason = Some(body.number(1)? as u8),
                32 => self.embedded = Some(Box::new(Signature::at_depth(body.0, depth + 1)?)),
                33 if body.number(1)? == 4 => {
                    body.take(12)?;
                    self.issuer = Some((body.number(4)? as u64) << 32 | body.number(4)? as u64);
                }
                4..=7 | 11 | 20..=24 | 26 | 28 | 30 | 33..=35 | 39 => {}
                _ if critical && signed => return None,
                _ => {}
            }
        }
        Some(())
    }

    /// Whether this key made it of `parts`, one behind the other.
    pub fn verify(&self, key: &PublicKey, parts: &[&[u8]]) -> Result<(), Fault> {
        if self.algorithm != key.algorithm && !(matches!(self.algorithm, 1 | 3) && matches!(key.algorithm, 1 | 3)) {
            return Err(Fault::Wrong);
        }
        let mut message = parts.concat();
        message.extend(&self.trailer);
        let number = |i: usize| self.numbers.get(i).map(Vec::as_slice).unwrap_or_default();
        let wrong = |_| Fault::Wrong;
        match &key.material {
            Material::Rsa(n, e) => {
                let parameters: &RsaParameters = match self.hash {
                    2 => &algorithms::RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY,
                    8 => &algorithms::RSA_PKCS1_2048_8192_SHA256,
                    9 => &algorithms::RSA_PKCS1_2048_8192_SHA384,
                    10 => &algorithms::RSA_PKCS1_2048_8192_SHA512,
                    _ => return Err(Fault::Unknown(format!("RSA and {}", self.hash_name()))),
                };
                if n.len() < 256 {
                    return Err(Fault::Unknown(format!("RSA of {} bits, too few to be safe", n.len() * 8)));
                }
                let padded = padded(number(0), n.len()).ok_or(Fault::Wrong)?;
                RsaPublicKeyComponents { n, e }.verify(parameters, &message, &padded).map_err(wrong)
            }
            Material::Ed25519(point) => {
                let hashed = match self.hash {
                    2 => digest(&SHA1_FOR_LEGACY_USE_ONLY, &message),
                    8 => digest(&SHA256, &message),
                    9 => digest(&SHA384, &message),
                    10 => digest(&SHA512, &message),
                    _ => return Err(Fault::Unknown(format!("Ed25519 and {}", self.hash_name()))),
                };
                let whole = if self.algorithm == 27 { Some(number(0).to_vec()) } else { self.pair(32) };
                let whole = whole.ok_or(Fault::Wrong)?;
                UnparsedPublicKey::new(&algorithms::ED25519, point).verify(hashed.as_ref(), &whole).map_err(wrong)
            }
            Material::P256(point) if self.hash == 8 => {
                let whole = self.pair(32).ok_or(Fault::Wrong)?;
                UnparsedPublicKey::new(&algorithms::ECDSA_P256_SHA256_FIXED, point).verify(&message, &whole).map_err(wrong)
            }
            Material::P384(point) if self.hash == 9 => {
                let whole = self.pair(48).ok_or(Fault::Wrong)?;
                UnparsedPublicKey::new(&algorithms::ECDSA_P384_SHA384_FIXED, point).verify(&message, &whole).map_err(wrong)
            }
            Material::P256(_) | Material::P384(_) => Err(Fault::Unknown(format!("ECDSA and {}", self.hash_name()))),
            Material::Other => Err(Fault::Unknown(format!("keys of kind {}", key.algorithm))),
        }
    }

    /// SHA-1 and what is older: two texts with the same hash can be made.
    pub fn is_weak(&self) -> bool {
        self.hash <= 3
    }

    fn hash_name(&self) -> String {
        match self.hash {
            8 => "SHA-256".to_owned(),
            9 => "SHA-384".to_owned(),
            10 => "SHA-512".to_owned(),
            11 => "SHA-224".to_owned(),
            other => format!("hash {other}"),
        }
    }

    /// Whether the time is one that it holds for.
    pub fn holds(&self, now: i64) -> bool {
        self.created <= now && (self.expires == 0 || now < self.created + self.expires)
    }

    fn pair(&self, each: usize) -> Option<Vec<u8>> {
        let [r, s] = self.numbers.as_slice() else { return None };
        Some([padded(r, each)?, padded(s, each)?].concat())
    }
}

/// With zeros before it, so that it has that length.
fn padded(number: &[u8], length: usize) -> Option<Vec<u8>> {
    let missing = length.checked_sub(number.len())?;
    Some([vec![0; missing].as_slice(), number].concat())
}
