//! Requests by the hundred.
