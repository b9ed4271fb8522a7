//! `#[derive(Outputs)]`.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::spanned::Spanned;
use syn::{Data, DeriveInput, Error, Fields, Ident, LitStr, Result, Type, Variant};

pub(crate) fn derive(input: &DeriveInput) -> Result<TokenStream> {
    let Data::Enum(data) = &input.data else {
        return Err(Error::new(
            input.ident.span(),
            "outputs are an enum, one variant an output; a single output is a Row",
        ));
    };
    let variants =
        data.variants.iter().enumerate().map(|(i, v)| OutputVariant::parse(i, v)).collect::<Result<Vec<_>>>()?;
    if variants.is_empty() {
        return Err(Error::new(input.ident.span(), "an operator has at least one output"));
    }
    let name = &input.ident;
    let (generics, arguments, _) = input.generics.split_for_impl();
    let idents: Vec<_> = variants.iter().map(|v| v.ident).collect();
    let names: Vec<_> = variants.iter().map(|v| &v.name).collect();
    let rows: Vec<_> = variants.iter().map(|v| v.row).collect();
    let writers: Vec<_> = (0..variants.len()).map(|i| format_ident!("output_{i}")).collect();
    Ok(quote! {
        #[automatically_derived]
        #[allow(clippy::all, reason = "written by the derive macro, for any number of fields")]
        impl #generics ::weir_sdk::Outputs for #name #arguments {
            type Writers = (#(::weir_sdk::emit::OutputWriter<#rows>,)*);

            fn describe(input: &::weir_sdk::Schema) -> ::std::result::Result<::std::vec::Vec<::weir_sdk::emit::OutputPlan>, ::std::string::String> {
                ::std::result::Result::Ok(::std::vec![#(::weir_sdk::emit::OutputPlan::of::<#rows>(#names, input)?,)*])
            }

            fn writers(rows: usize) -> Self::Writers {
                (#(::weir_sdk::emit::OutputWriter::<#rows>::new(rows),)*)
            }

            #[inline]
            fn emit(self, row: u32, (#(#writers,)*): &mut Self::Writers) {
                match self {
                    #(Self::#idents(output) => #writers.emit(row, &output),)*
                }
            }

            fn finish((#(#writers,)*): Self::Writers, rows: u32, plans: &[::weir_sdk::emit::OutputPlan]) -> ::std::vec::Vec<::weir_sdk::wire::Delta> {
                let mut plans = plans.iter();
                ::std::vec![#(#writers.finish(rows, plans.next()),)*]
            }
        }
    })
}

struct OutputVariant<'a> {
    ident: &'a Ident,
    name: String,
    row: &'a Type,
}

impl<'a> OutputVariant<'a> {
    fn parse(index: usize, variant: &'a Variant) -> Result<Self> {
        let row = match &variant.fields {
            Fields::Unnamed(fields) if fields.unnamed.len() == 1 => &fields.unnamed[0].ty,
            other => {
                return Err(Error::new(other.span(), "an output is a variant that holds one row: `Rejected(Reject)`"));
            }
        };
        let mut name = if index == 0 { "main".to_owned() } else { kebab_case(&variant.ident.to_string()) };
        for attribute in variant.attrs.iter().filter(|a| a.path().is_ident("output")) {
            attribute.parse_nested_meta(|meta| {
                if !meta.path.is_ident("name") {
                    return Err(meta.error("an output takes `name = \"...\"`"));
                }
                if index == 0 {
                    return Err(meta.error("the first output is always \"main\""));
                }
                name = meta.value()?.parse::<LitStr>()?.value();
                Ok(())
            })?;
        }
        Ok(Self { ident: &variant.ident, name, row })
    }
}

fn kebab_case(name: &str) -> String {
    let mut kebab = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !kebab.is_empty() {
            kebab.push('-');
        }
        kebab.extend(letter.to_lowercase());
    }
    kebab
}
