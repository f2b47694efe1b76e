//! Pure questions to the model. One folder a question.

pub mod need;
