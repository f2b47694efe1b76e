//! A spinner that appears only when there is something to wait for.

use crate::render::sanitize;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// A run that is over by then shows no spinner: a flash of text is noise.
const PATIENCE: Duration = Duration::from_millis(200);
const TICK: Duration = Duration::from_millis(100);

/// Spins until it is dropped; the line is gone afterwards.
pub struct Progress {
    spinner: Option<(Sender<String>, JoinHandle<()>)>,
}

impl Progress {
    pub(super) fn start(visible: bool, text: &str) -> Self {
        if !visible {
            return Progress { spinner: None };
        }
        let mut text = sanitize::inline(text).into_owned();
        let (sender, news) = channel::<String>();
        let thread = std::thread::spawn(move || {
            let mut bar: Option<ProgressBar> = None;
            loop {
                match news.recv_timeout(if bar.is_some() { TICK } else { PATIENCE }) {
                    Ok(newer) => text = newer,
                    Err(RecvTimeoutError::Timeout) => {
                        let bar = bar.get_or_insert_with(|| {
                            let style = ProgressStyle::with_template("{spinner} {msg} ({elapsed})");
                            ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr())
                                .with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()))
                                .with_elapsed(PATIENCE)
                        });
                        bar.set_message(text.clone());
                        bar.tick();
                    }
                    Err(RecvTimeoutError::Disconnected) => break,
                }
            }
            if let Some(bar) = bar {
                bar.finish_and_clear();
            }
        });
        Progress { spinner: Some((sender, thread)) }
    }

    /// What is being done now.
    pub fn say(&self, text: &str) {
        if let Some((sender, _)) = &self.spinner {
            // The thread ends only when we do.
            let _ = sender.send(sanitize::inline(text).into_owned());
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some((sender, thread)) = self.spinner.take() {
            drop(sender);
            let _ = thread.join();
        }
    }
}
