//! Runs live sessions behind the views.
