//! Does the part of `protoc` that `prost-build` asks for, with the pure-Rust `protox` compiler:
//! `--include_imports --include_source_info -o FILE -I FOLDER… PROTO…` writes a `FileDescriptorSet`.

use std::error::Error;
use std::path::PathBuf;

use prost::Message;

fn main() -> Result<(), Box<dyn Error>> {
    let mut output = None;
    let mut includes = Vec::<PathBuf>::new();
    let mut protos = Vec::<PathBuf>::new();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "-o" => output = arguments.next(),
            "-I" => includes.extend(arguments.next().map(PathBuf::from)),
            "--include_imports" | "--include_source_info" => {}
            option if option.starts_with('-') => {
                return Err(format!("unknown option {option}").into());
            }
            proto => protos.push(proto.into()),
        }
    }
    let output = output.ok_or("-o FILE is missing")?;
    let descriptors = protox::compile(protos, includes)?;
    std::fs::write(output, descriptors.encode_to_vec())?;
    Ok(())
}
