//! Where what was decoded has its texts from.

use bumpalo::Bump;

/// What becomes of a part of the text that outlives its reader.
pub trait Keep<'t, 'k>: Copy {
    fn keep(self, text: &'t str) -> &'k str;
}

/// The text lives as long as what is read from it.
#[derive(Clone, Copy, Debug)]
pub struct AsItIs;

impl<'t> Keep<'t, 't> for AsItIs {
    fn keep(self, text: &'t str) -> &'t str {
        text
    }
}

/// The text is soon gone; what is decoded is copied there, field by field.
impl<'t, 'k> Keep<'t, 'k> for &'k Bump {
    fn keep(self, text: &'t str) -> &'k str {
        self.alloc_str(text)
    }
}
