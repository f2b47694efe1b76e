//! From the places of resources to resources, on several threads where there is much to read.

use super::entry::{Boxed, Entry, Printed, State};
use super::fault::Fault;
use super::field::Text;
use super::section::{List, Section};
use super::stream::Odd;
use crate::json::{self, Copies, Raw, Reader, line_and_column};
use crate::shares::threads;
use serde::Deserialize;
use std::thread;

/// Where an element of a list lies.
#[derive(Clone, Copy, Debug)]
pub(super) struct Element {
    pub section: Section,
    pub state: State,
    pub from: usize,
    pub end: usize,
}

impl Element {
    pub fn printed<'a>(&self, text: &'a str) -> Option<Printed<'a>> {
        List::of(self.section, self.state).map(|list| Printed { list, text: Raw::part(text, self.from, self.end) })
    }
}

/// A thread costs about as much as reading this many bytes.
const WORTH_A_THREAD: usize = 1 << 20;

/// Elements of a list: each a resource with what the proxy says about it.
pub(super) fn entries<'a, T: Deserialize<'a> + Default + Send>(
    text: &'a str,
    elements: &[Element],
    raw: bool,
    into: &mut Vec<Boxed<'a, T>>,
    faults: &mut Vec<Fault>,
) {
    each(elements, into, faults, &|element, into, faults| {
        let mut reader = Reader::part(text, element.from, element.end);
        if !raw && let Ok(entry) = reader.clone().decode::<Entry<'a, T>>() {
            return entry.unfold(element.state, into, |value| Some((value, None)));
        }
        let before = into.len();
        let mut decode = |raw: Raw<'a>| match raw.read() {
            Ok(value) => Some((value, Some(raw))),
            Err(error) => {
                faults.push(unreadable(text, element.section, Some(raw), &error));
                None
            }
        };
        match reader.decode::<Entry<'a, Raw<'a>>>() {
            Ok(entry) => entry.unfold(element.state, into, &mut decode),
            Err(error) => faults.push(unreadable(text, element.section, None, &error)),
        }
        if raw {
            let printed = element.printed(text);
            into.iter_mut().skip(before).for_each(|resource| resource.element = printed);
        }
    });
}

/// One element whose text is soon gone.
pub(super) fn entry<'k, T: Deserialize<'k> + Default>(
    text: &str,
    state: State,
    copies: &Copies<'k>,
    into: &mut Vec<Boxed<'k, T>>,
) -> Result<(), Odd> {
    let entry = Reader::keeping(text, copies).decode::<Entry<'k, T>>().map_err(|_| Odd)?;
    entry.unfold(state, into, |value| Some((value, None)));
    Ok(())
}

/// Elements that are what they are, without anything around.
pub(super) fn values<'a, T: Deserialize<'a>, R: Send>(
    text: &'a str,
    elements: &[Element],
    into: &mut Vec<R>,
    faults: &mut Vec<Fault>,
    make: &(impl Fn(T, State, Raw<'a>) -> R + Sync),
) {
    each(elements, into, faults, &|element, into, faults| {
        let raw = Raw::part(text, element.from, element.end);
        match Reader::part(text, element.from, element.end).decode() {
            Ok(value) => into.push(make(value, element.state, raw)),
            Err(error) => faults.push(unreadable(text, element.section, Some(raw), &error)),
        }
    });
}

/// Calls `read` for each element, in order as far as the results tell.
pub(super) fn each<R: Send>(
    elements: &[Element],
    into: &mut Vec<R>,
    faults: &mut Vec<Fault>,
    read: &(impl Fn(&Element, &mut Vec<R>, &mut Vec<Fault>) + Sync),
) {
    let bytes: usize = elements.iter().map(|element| element.end - element.from).sum();
    let threads = (bytes / WORTH_A_THREAD).clamp(1, threads());
    let shares = shares(elements, bytes, threads);
    let Some((first, others)) = shares.split_first() else { return };
    let all = |share: &[Element], into: &mut Vec<R>, faults: &mut Vec<Fault>| {
        into.reserve_exact(share.len());
        share.iter().for_each(|element| read(element, into, faults));
    };
    if others.is_empty() {
        return all(first, into, faults);
    }
    thread::scope(|scope| {
        let others: Vec<_> = others
            .iter()
            .map(|share| {
                scope.spawn(move || {
                    let (mut into, mut faults) = (Vec::new(), Vec::new());
                    all(share, &mut into, &mut faults);
                    (into, faults)
                })
            })
            .collect();
        all(first, into, faults);
        for other in others {
            match other.join() {
                Ok((values, found)) => {
                    into.extend(values);
                    faults.extend(found);
                }
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
    });
}

/// Contiguous shares of about as many bytes each.
fn shares(elements: &[Element], bytes: usize, threads: usize) -> Vec<&[Element]> {
    let mut shares = Vec::with_capacity(threads);
    let (mut start, mut taken) = (0, 0);
    for (i, element) in elements.iter().enumerate() {
        taken += element.end - element.from;
        if shares.len() + 1 < threads && taken * threads >= bytes * (shares.len() + 1) {
            shares.push(&elements[start..=i]);
            start = i + 1;
        }
    }
    shares.push(&elements[start..]);
    shares
}

/// What can't be decoded is named, and placed within the whole text.
fn unreadable(text: &str, section: Section, raw: Option<Raw<'_>>, error: &json::Error) -> Fault {
    #[derive(Deserialize)]
    struct Named<'n> {
        #[serde(borrow, default, alias = "cluster_name", alias = "clusterName")]
        name: Text<'n>,
    }
    let name = raw.and_then(|raw| raw.read::<Named>().ok()).map(|named| named.name.0.into_owned()).unwrap_or_default();
    let before = raw.map_or(0, |raw| (raw.get().as_ptr() as usize).saturating_sub(text.as_ptr() as usize));
    let (line, column) = line_and_column(text, before + error.at());
    Fault::Unreadable { section, name, why: format!("{error} at line {line} column {column}") }
}
