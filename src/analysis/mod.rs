//! Pure questions to the model. One folder a question.

pub mod health;
pub mod injection;
pub mod inventory;
pub mod need;
pub mod sync;
pub mod versions;
