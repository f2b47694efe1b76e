//! Go's template language: text to tokens, tokens to trees, trees to text.

pub mod access;
pub mod ast;
pub mod compare;
pub mod exec;
pub mod format;
pub mod lexer;
pub mod number;
pub mod parser;
pub mod print;
pub mod special;
