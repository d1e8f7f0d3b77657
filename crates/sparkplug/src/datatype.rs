//! What the bytes of a value mean.

macro_rules! datatypes {
    ($($name:ident = $number:literal),+ $(,)?) => {
        /// The datatypes of Sparkplug B 3.0, with their numbers.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[expect(missing_docs, reason = "the names are Sparkplug's own")]
        pub enum DataType { $($name = $number),+ }

        impl DataType {
            /// The datatype of a number; none for 0 and for what Sparkplug does not know.
            #[must_use]
            pub const fn of(number: u32) -> Option<Self> {
                match number { $($number => Some(Self::$name),)+ _ => None }
            }
        }
    };
}

datatypes! {
    Int8 = 1, Int16 = 2, Int32 = 3, Int64 = 4,
    UInt8 = 5, UInt16 = 6, UInt32 = 7, UInt64 = 8,
    Float = 9, Double = 10, Boolean = 11, String = 12, DateTime = 13, Text = 14,
    Uuid = 15, DataSet = 16, Bytes = 17, File = 18, Template = 19,
    Int8Array = 22, Int16Array = 23, Int32Array = 24, Int64Array = 25,
    UInt8Array = 26, UInt16Array = 27, UInt32Array = 28, UInt64Array = 29,
    FloatArray = 30, DoubleArray = 31, BooleanArray = 32, StringArray = 33, DateTimeArray = 34,
}
