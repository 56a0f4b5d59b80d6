//! Packed texts: Graph's ids are long texts over small alphabets. A packing is used only when it
//! gives back exactly the same text.

use base64::Engine as _;
use base64::engine::general_purpose::{URL_SAFE, URL_SAFE_NO_PAD};
use uuid::Uuid;

use super::CodecError;

// The first byte of a packed text says how the rest is written.
const PLAIN: u8 = 0;
/// The guid of the row, which is the link's own id; nothing follows.
const ROW: u8 = 1;
/// A guid in lower case with hyphens: sixteen bytes.
const GUID: u8 = 2;
/// Hexadecimal digits in upper case (`iCalUId`).
const HEX: u8 = 3;
/// Base 64 with `-` and `_`, padded (Graph's ids).
const BASE64: u8 = 4;
/// The same without padding.
const BASE64_BARE: u8 = 5;

/// Returns the shortest packing that gives back exactly the same text.
pub(in crate::domain) fn pack(text: &str, row: Uuid) -> Vec<u8> {
    let exact = |form: u8, bytes: Vec<u8>| {
        let packed = [&[form], bytes.as_slice()].concat();
        (unpacked(&packed, row).as_deref() == Ok(text)).then_some(packed)
    };
    let guid = Uuid::try_parse(text).ok();
    let row_form = guid.filter(|guid| *guid == row).and_then(|_| exact(ROW, Vec::new()));
    row_form
        .or_else(|| guid.and_then(|guid| exact(GUID, guid.into_bytes().to_vec())))
        .or_else(|| hex_bytes(text).and_then(|bytes| exact(HEX, bytes)))
        .or_else(|| URL_SAFE.decode(text).ok().and_then(|bytes| exact(BASE64, bytes)))
        .or_else(|| URL_SAFE_NO_PAD.decode(text).ok().and_then(|bytes| exact(BASE64_BARE, bytes)))
        .unwrap_or_else(|| [&[PLAIN], text.as_bytes()].concat())
}

pub(in crate::domain) fn unpack(
    packed: Option<Vec<u8>>,
    row: Uuid,
) -> Result<Option<String>, CodecError> {
    packed.map(|packed| unpacked(&packed, row)).transpose()
}

pub(super) fn unpacked(packed: &[u8], row: Uuid) -> Result<String, CodecError> {
    let (form, bytes) = packed.split_first().ok_or(CodecError::Damaged("empty text"))?;
    match *form {
        PLAIN => std::str::from_utf8(bytes)
            .map(str::to_owned)
            .map_err(|_| CodecError::Damaged("text is not UTF-8")),
        ROW if bytes.is_empty() => Ok(row.to_string()),
        GUID => Uuid::from_slice(bytes)
            .map(|guid| guid.to_string())
            .map_err(|_| CodecError::Damaged("no guid")),
        HEX => Ok(hex_text(bytes)),
        BASE64 => Ok(URL_SAFE.encode(bytes)),
        BASE64_BARE => Ok(URL_SAFE_NO_PAD.encode(bytes)),
        _ => Err(CodecError::Damaged("unknown form of text")),
    }
}

const DIGITS: &[u8; 16] = b"0123456789ABCDEF";

fn hex_text(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble & 0xF)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(*byte)]).collect()
}

fn hex_bytes(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect()
}
