//! Endpoints together with the pods behind them.

use crate::kubernetes::addresses::{Addresses, Backend};
use serde::{Serialize, Serializer};
use std::ops::Deref;

/// A row, and who stands behind its address as far as that is known.
#[derive(Clone, Debug)]
pub struct Joined<'r, R> {
    row: R,
    pub pod: Option<&'r Backend>,
}

pub fn join<'r, R>(rows: Vec<R>, addresses: Option<&'r Addresses>, endpoint: impl Fn(&R) -> String) -> Vec<Joined<'r, R>> {
    let known = addresses.filter(|addresses| !addresses.is_empty());
    let joined = |row| Joined { pod: known.and_then(|known| known.find(&endpoint(&row))), row };
    rows.into_iter().map(joined).collect()
}

impl<R> Deref for Joined<'_, R> {
    type Target = R;
    fn deref(&self) -> &R {
        &self.row
    }
}

impl<R: Serialize> Serialize for Joined<'_, R> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Both<'b, R> {
            #[serde(flatten)]
            row: &'b R,
            pod: &'b Backend,
        }
        match self.pod {
            Some(pod) => Both { row: &self.row, pod }.serialize(serializer),
            None => self.row.serialize(serializer),
        }
    }
}
