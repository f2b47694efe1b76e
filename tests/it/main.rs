//! One integration binary; a file beside this one is a module here.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, clippy::print_stderr)]
mod live;

mod archive;
mod hostile;
