//! A disk whose bits flip: nothing damaged is ever served, and everything that was acknowledged is
//! either served as it was placed or said to be damaged.
