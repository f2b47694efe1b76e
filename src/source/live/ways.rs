//! Port-forwards that are being opened: the server and the node work for each, so what can wait waits for them.

use std::sync::Arc;
use tokio::sync::watch;

/// Those of one cluster.
#[derive(Clone, Debug)]
pub struct Ways(Arc<watch::Sender<usize>>);

impl Default for Ways {
    fn default() -> Self {
        Ways(Arc::new(watch::Sender::new(0)))
    }
}

/// One that is neither open nor given up.
pub struct Opening(Ways);

impl Ways {
    pub fn opening(&self) -> Opening {
        self.0.send_modify(|count| *count += 1);
        Opening(self.clone())
    }

    /// Comes when none is being opened.
    pub async fn open(&self) {
        // Its sender is this one, which lives as long.
        let _ = self.0.subscribe().wait_for(|count| *count == 0).await;
    }
}

impl Drop for Opening {
    fn drop(&mut self) {
        self.0.0.send_modify(|count| *count -= 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    #[tokio::test]
    async fn they_are_open_when_the_last_one_is() {
        let ways = Ways::default();
        ways.open().await;
        let (one, other) = (ways.opening(), ways.opening());
        let mut all = Box::pin(ways.open());
        assert!(all.as_mut().now_or_never().is_none());
        drop(one);
        assert!(all.as_mut().now_or_never().is_none());
        drop(other);
        all.await;
    }
}
