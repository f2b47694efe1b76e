//! A text drawn over the one before it, for views that go on.

/// Line by line over what is there, and nothing below: no flicker. What doesn't fit is counted.
pub fn over(text: &str) -> String {
    let height = terminal_size::terminal_size().map_or(usize::MAX, |(_, height)| usize::from(height.0));
    let lines: Vec<&str> = text.lines().collect();
    let mut out = String::from("\x1b[H");
    let room = height.saturating_sub(1).max(2);
    let shown = if lines.len() > room { room - 1 } else { lines.len() };
    lines[..shown].iter().for_each(|line| out.push_str(&format!("{line}\x1b[K\n")));
    if shown < lines.len() {
        out.push_str(&format!(
            "… and {} more lines: a higher terminal, or --only stale,rejected,disconnected\x1b[K\n",
            lines.len() - shown
        ));
    }
    out.push_str("\x1b[J");
    out
}
