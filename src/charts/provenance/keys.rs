//! Keyrings: certificates, as far as they hold keys that may sign.

use super::packets::{PUBLIC_KEY, PUBLIC_SUBKEY, PublicKey, SECRET_KEY, SECRET_SUBKEY, SIGNATURE, Signature, USER_ID, packets};
use std::cmp::Reverse;

/// A key, and what its owner says about it. What isn't signed by the key itself is not heard.
pub struct Certificate {
    pub key: PublicKey,
    pub names: Vec<Name>,
    subkeys: Vec<Subkey>,
    revoked: bool,
}

pub struct Name {
    id: Vec<u8>,
    pub signature: Option<Signature>,
    revoked: bool,
}

struct Subkey {
    key: PublicKey,
    binding: Option<Signature>,
    revoked: bool,
}

/// A key that may sign, and whose it is.
pub struct Signer<'a> {
    pub owner: &'a Certificate,
    pub key: &'a PublicKey,
    /// What says that it may.
    pub bindings: Vec<&'a Signature>,
    pub revoked: bool,
    /// Keys, and after how many seconds they end; 0 is never.
    pub ends: Vec<(&'a PublicKey, i64)>,
}

const SIGNS: u8 = 2;
const BINDS: u8 = 0x18;
const BINDS_BACK: u8 = 0x19;
const KEY_REVOKED: u8 = 0x20;
const SUBKEY_REVOKED: u8 = 0x28;
const NAME_REVOKED: u8 = 0x30;

/// What the next signatures are about: always the last of its kind.
#[derive(Clone, Copy)]
enum About {
    Key,
    Name,
    Subkey,
    Nothing,
}

/// The certificates of a keyring; `None` if it is none. Keys that are damaged or of another version are left out.
pub fn certificates(bytes: &[u8]) -> Option<Vec<Certificate>> {
    let mut all: Vec<Certificate> = Vec::new();
    // The key that packets belong to was left out.
    let mut left_out = true;
    let mut about = About::Nothing;
    for (tag, body) in packets(bytes)? {
        if matches!(tag, PUBLIC_KEY | SECRET_KEY) {
            let key = PublicKey::read(body);
            left_out = key.is_none();
            about = About::Key;
            all.extend(key.map(|key| Certificate { key, names: Vec::new(), subkeys: Vec::new(), revoked: false }));
        }
        let Some(it) = all.last_mut().filter(|_| !left_out) else { continue };
        match tag {
            USER_ID => {
                it.names.push(Name { id: body.to_vec(), signature: None, revoked: false });
                about = About::Name;
            }
            PUBLIC_SUBKEY | SECRET_SUBKEY => match PublicKey::read(body) {
                Some(key) => {
                    it.subkeys.push(Subkey { key, binding: None, revoked: false });
                    about = About::Subkey;
                }
                None => about = About::Nothing,
            },
            // Pictures and the like.
            17 => about = About::Nothing,
            SIGNATURE => {
                if let Some(signature) = Signature::read(body) {
                    it.heard(about, signature);
                }
            }
            _ => {}
        }
    }
    Some(all)
}

impl Certificate {
    fn heard(&mut self, about: About, signature: Signature) {
        let own = |parts: &[&[u8]]| signature.issuer == Some(self.key.id()) && signature.verify(&self.key, parts).is_ok();
        let newer = |before: &Option<Signature>| before.as_ref().is_none_or(|before| before.created < signature.created);
        let key = self.key.hashed();
        match (about, signature.kind) {
            // A key that somebody else may have taken back is not trusted either.
            (About::Key, KEY_REVOKED) => self.revoked = true,
            (About::Name, kind) => {
                let Some(name) = self.names.last_mut() else { return };
                let id = [&[0xb4], (name.id.len() as u32).to_be_bytes().as_slice(), name.id.as_slice()].concat();
                if !own(&[&key, &id]) {
                    return;
                }
                match kind {
                    NAME_REVOKED => name.revoked = true,
                    0x10..=0x13 if newer(&name.signature) => name.signature = Some(signature),
                    _ => {}
                }
            }
            (About::Subkey, SUBKEY_REVOKED) => {
                if let Some(subkey) = self.subkeys.last_mut() {
                    subkey.revoked = true;
                }
            }
            (About::Subkey, BINDS) => {
                let Some(subkey) = self.subkeys.last_mut() else { return };
                let other = subkey.key.hashed();
                // Else a key of somebody else could be bound to this name, and his signatures with it.
                let back = signature.embedded.as_ref();
                let back = back.is_some_and(|b| b.kind == BINDS_BACK && b.verify(&subkey.key, &[&key, &other]).is_ok());
                if back && newer(&subkey.binding) && own(&[&key, &other]) {
                    subkey.binding = Some(signature);
                }
            }
            _ => {}
        }
    }

    /// The name that it is known by, and what was signed about it.
    fn main_name(&self) -> Option<(&Name, &Signature)> {
        let signed = self.names.iter().filter_map(|name| Some((name, name.signature.as_ref()?)));
        signed.min_by_key(|(name, signature)| (name.revoked, !signature.primary, Reverse(signature.created)))
    }

    /// What it is called, the main name first.
    pub fn called(&self) -> Vec<String> {
        let main = self.main_name().map(|(name, _)| name);
        let others = self.names.iter().filter(|name| name.signature.is_some() && !name.revoked);
        let others = others.filter(|name| main.is_none_or(|main| !std::ptr::eq(main, *name)));
        main.into_iter().chain(others).map(|name| String::from_utf8_lossy(&name.id).into_owned()).collect()
    }
}

/// Keys with this id that may sign.
pub fn signers(all: &[Certificate], id: u64) -> Vec<Signer<'_>> {
    let may = |signature: &Signature| signature.flags.is_some_and(|flags| flags & SIGNS != 0);
    let mut found = Vec::new();
    for owner in all {
        let Some((name, main)) = owner.main_name() else { continue };
        let revoked = owner.revoked || name.revoked;
        if owner.key.id() == id && may(main) {
            let ends = vec![(&owner.key, main.key_expires)];
            found.push(Signer { owner, key: &owner.key, bindings: vec![main], revoked, ends });
        }
        for subkey in owner.subkeys.iter().filter(|subkey| subkey.key.id() == id) {
            let Some(binding) = subkey.binding.as_ref().filter(|binding| may(binding)) else { continue };
            let ends = vec![(&owner.key, main.key_expires), (&subkey.key, binding.key_expires)];
            let bindings = [main, binding].into_iter().chain(binding.embedded.as_deref()).collect();
            found.push(Signer { owner, key: &subkey.key, bindings, revoked: revoked || subkey.revoked, ends });
        }
    }
    found
}
