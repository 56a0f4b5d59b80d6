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
        let mut back = String::with_capacity(text.len());
        (unpack_into(&packed, row, &mut back).is_ok() && back == text).then_some(packed)
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

/// Writes a packed text into the buffer, in place of what is there, and returns it.
pub(in crate::domain) fn unpack<'b>(
    packed: Option<&[u8]>,
    row: Uuid,
    buffer: &'b mut String,
) -> Result<Option<&'b str>, CodecError> {
    buffer.clear();
    let Some(packed) = packed else { return Ok(None) };
    unpack_into(packed, row, buffer)?;
    Ok(Some(buffer))
}

fn unpack_into(packed: &[u8], row: Uuid, text: &mut String) -> Result<(), CodecError> {
    let (form, bytes) = packed.split_first().ok_or(CodecError::Damaged("empty text"))?;
    match *form {
        PLAIN => {
            let plain = std::str::from_utf8(bytes);
            text.push_str(plain.map_err(|_| CodecError::Damaged("text is not UTF-8"))?);
        }
        ROW if bytes.is_empty() => push_guid(row, text),
        GUID => {
            let guid = Uuid::from_slice(bytes).map_err(|_| CodecError::Damaged("no guid"))?;
            push_guid(guid, text);
        }
        HEX => push_hex(bytes, text),
        BASE64 => URL_SAFE.encode_string(bytes, text),
        BASE64_BARE => URL_SAFE_NO_PAD.encode_string(bytes, text),
        _ => return Err(CodecError::Damaged("unknown form of text")),
    }
    Ok(())
}

fn push_guid(guid: Uuid, text: &mut String) {
    text.push_str(guid.hyphenated().encode_lower(&mut Uuid::encode_buffer()));
}

const DIGITS: &[u8; 16] = b"0123456789ABCDEF";

fn push_hex(bytes: &[u8], text: &mut String) {
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble & 0xF)]);
    text.extend(bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(*byte)]));
}

fn hex_bytes(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect()
}
