//! `#[derive(Row)]`.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Data, DeriveInput, Error, Fields, Ident, Lifetime, LitStr, Member, Result, Token, Type};

pub(crate) fn derive(input: &DeriveInput) -> Result<TokenStream> {
    let row = RowStruct::parse(input)?;
    let write = row.write_impl();
    // What borrows for 'static cannot be borrowed from a batch.
    let read = if row.borrows_static() { TokenStream::new() } else { row.read_impl() };
    Ok(quote!(#write #read))
}

struct RowStruct<'a> {
    input: &'a DeriveInput,
    lifetime: Option<&'a Lifetime>,
    keep: TokenStream,
    columns: Vec<ColumnField<'a>>,
    event_time: Option<Member>,
}

/// A field that is a column.
struct ColumnField<'a> {
    member: Member,
    ident: Ident,
    name: String,
    ty: &'a Type,
}

impl<'a> RowStruct<'a> {
    fn parse(input: &'a DeriveInput) -> Result<Self> {
        let Data::Struct(data) = &input.data else {
            return Err(Error::new(
                input.ident.span(),
                "a row is a struct; for several outputs derive Outputs on an enum",
            ));
        };
        if let Some(parameter) = input.generics.type_params().next() {
            return Err(Error::new(parameter.span(), "a row has no type parameters: its columns are fixed"));
        }
        let lifetimes: Vec<_> = input.generics.lifetimes().collect();
        if let [_, second, ..] = lifetimes[..] {
            return Err(Error::new(second.span(), "a row borrows from one batch: one lifetime is enough"));
        }
        if let Fields::Unnamed(fields) = &data.fields {
            return Err(Error::new(fields.span(), "the fields of a row need names: they are its columns"));
        }
        let mut row = Self {
            input,
            lifetime: lifetimes.first().map(|l| &l.lifetime),
            keep: keep(input)?,
            columns: Vec::new(),
            event_time: None,
        };
        for field in &data.fields {
            let Some(ident) = &field.ident else { continue };
            let options = FieldOptions::parse(field)?;
            if options.event_time {
                if row.event_time.replace(Member::Named(ident.clone())).is_some() {
                    return Err(Error::new(ident.span(), "a row has one event time"));
                }
                continue;
            }
            row.columns.push(ColumnField {
                member: Member::Named(ident.clone()),
                ident: ident.clone(),
                name: options.name.unwrap_or_else(|| ident.unraw().to_string()),
                ty: &field.ty,
            });
        }
        Ok(row)
    }

    fn borrows_static(&self) -> bool {
        self.columns.iter().any(|c| names_static(c.ty.to_token_stream()))
    }

    fn write_impl(&self) -> TokenStream {
        let name = &self.input.ident;
        let (generics, arguments, _) = self.input.generics.split_for_impl();
        let keep = &self.keep;
        let types: Vec<_> = self.columns.iter().map(|c| c.ty).collect();
        let names: Vec<_> = self.columns.iter().map(|c| &c.name).collect();
        let members: Vec<_> = self.columns.iter().map(|c| &c.member).collect();
        let builders: Vec<_> = (0..self.columns.len()).map(|i| format_ident!("column_{i}")).collect();
        let has_event_time = self.event_time.is_some();
        // The event times are one more builder, last.
        let (time_type, time_builder, time_write, time_null, time_finish) = match &self.event_time {
            None => (quote!(), quote!(), quote!(), quote!(), quote!()),
            Some(member) => (
                quote!(<::weir_sdk::Timestamp as ::weir_sdk::Value>::Builder,),
                quote!(<::weir_sdk::Timestamp as ::weir_sdk::Value>::builder(rows),),
                quote!(<::weir_sdk::Timestamp as ::weir_sdk::Value>::write(&self.#member, event_times);),
                quote!(<::weir_sdk::Timestamp as ::weir_sdk::Value>::write_null(event_times);),
                quote!(into.event_times = event_times.into_bytes();),
            ),
        };
        let time = self.event_time.as_ref().map(|_| quote!(event_times,));
        // A single column can be written in one go.
        let write_rows = match (&self.columns[..], &self.event_time) {
            ([ColumnField { member, ty, .. }], None) => quote! {
                #[inline]
                fn write_rows(rows: impl ::std::iter::Iterator<Item = Self>, (column,): &mut Self::Builders) {
                    <#ty as ::weir_sdk::Value>::write_all(rows.map(|row| row.#member), column);
                }
            },
            _ => TokenStream::new(),
        };
        quote! {
            #[automatically_derived]
            #[allow(clippy::all, reason = "written by the derive macro, for any number of fields")]
            impl #generics ::weir_sdk::Row for #name #arguments {
                type Builders = (#(<#types as ::weir_sdk::Value>::Builder,)* #time_type);
                const KEEP: ::weir_sdk::Keep = #keep;
                const HAS_EVENT_TIME: bool = #has_event_time;

                fn schema(fields: &mut ::std::vec::Vec<::weir_sdk::wire::Field>) {
                    #(<#types as ::weir_sdk::Value>::fields(#names, fields);)*
                    let _ = fields;
                }

                #[inline]
                fn builders(rows: usize) -> Self::Builders {
                    let _ = rows;
                    (#(<#types as ::weir_sdk::Value>::builder(rows),)* #time_builder)
                }

                #[inline]
                fn write_row(&self, builders: &mut Self::Builders) {
                    let (#(#builders,)* #time) = builders;
                    #(<#types as ::weir_sdk::Value>::write(&self.#members, #builders);)*
                    #time_write
                }

                #write_rows

                fn write_null_row(builders: &mut Self::Builders) {
                    let (#(#builders,)* #time) = builders;
                    #(<#types as ::weir_sdk::Value>::write_null(#builders);)*
                    #time_null
                }

                fn finish_rows(builders: Self::Builders, into: &mut ::weir_sdk::row::Finished) {
                    let (#(#builders,)* #time) = builders;
                    #(<#types as ::weir_sdk::Value>::finish(#builders, &mut into.columns);)*
                    #time_finish
                    let _ = into;
                }
            }
        }
    }

    fn read_impl(&self) -> TokenStream {
        let RowStruct { input, columns, .. } = self;
        let (name, vis) = (&input.ident, &input.vis);
        let view = format_ident!("{name}Columns");
        let lifetime = self.lifetime.cloned().unwrap_or_else(|| Lifetime::new("'batch", Span::mixed_site()));
        let (_, arguments, _) = input.generics.split_for_impl();
        let types: Vec<_> = columns.iter().map(|c| c.ty).collect();
        let names: Vec<_> = columns.iter().map(|c| &c.name).collect();
        let idents: Vec<_> = columns.iter().map(|c| &c.ident).collect();
        let indices: Vec<_> = (0..columns.len()).collect();
        let (time_view, time_open, time_read) = match &self.event_time {
            None => (quote!(), quote!(), quote!()),
            Some(member) => (
                quote!(#[doc = "The event times."] pub #member: ::weir_sdk::EventTimes<#lifetime>,),
                quote!(#member: ::weir_sdk::EventTimes::open(event_times, rows)?,),
                quote!(#member: view.#member.get(row),),
            ),
        };
        let doc = format!("The columns of [`{name}`].");
        quote! {
            #[doc = #doc]
            #[derive(Clone, Default)]
            #[allow(dead_code, reason = "an operator on rows does not name the columns")]
            #vis struct #view<#lifetime> {
                #(#[doc = #names] pub #idents: ::weir_sdk::Column<#lifetime, #types>,)*
                #time_view
                __batch: ::std::marker::PhantomData<&#lifetime ()>,
            }

            #[automatically_derived]
            #[allow(clippy::all, reason = "written by the derive macro, for any number of fields")]
            impl<#lifetime> ::weir_sdk::ReadRow<#lifetime> for #name #arguments {
                type Columns = #view<#lifetime>;

                fn wanted() -> ::std::vec::Vec<::weir_sdk::row::Wanted> {
                    ::std::vec![#(::weir_sdk::row::Wanted::new::<#types>(#names),)*]
                }

                fn open_rows(
                    columns: &[::std::option::Option<::weir_sdk::column::ColumnRef<#lifetime>>],
                    event_times: &#lifetime [u8],
                    rows: usize,
                ) -> ::std::result::Result<Self::Columns, ::std::string::String> {
                    let _ = (columns, event_times, rows);
                    ::std::result::Result::Ok(#view {
                        #(#idents: ::weir_sdk::Column::open(columns.get(#indices).copied().flatten(), rows)?,)*
                        #time_open
                        __batch: ::std::marker::PhantomData,
                    })
                }

                #[inline]
                fn read_row(view: &Self::Columns, row: usize) -> Self {
                    let _ = (view, row);
                    #name { #(#idents: view.#idents.get(row),)* #time_read }
                }

                fn rows_maybe_incomplete(view: &Self::Columns) -> bool {
                    let _ = view;
                    false #(|| view.#idents.maybe_incomplete())*
                }

                fn incomplete_in(view: &Self::Columns, row: usize) -> ::std::option::Option<(&'static str, &'static str)> {
                    let _ = (view, row);
                    #(if !view.#idents.complete(row) {
                        return ::std::option::Option::Some((#names, view.#idents.misfit(row)));
                    })*
                    ::std::option::Option::None
                }
            }
        }
    }
}

fn names_static(tokens: TokenStream) -> bool {
    let mut after_quote = false;
    tokens.into_iter().any(|token| match token {
        TokenTree::Punct(p) => {
            after_quote = p.as_char() == '\'';
            false
        }
        TokenTree::Ident(ident) => std::mem::take(&mut after_quote) && ident == "static",
        TokenTree::Group(group) => names_static(group.stream()),
        TokenTree::Literal(_) => false,
    })
}

/// What `#[row(...)]` says on a field.
#[derive(Default)]
struct FieldOptions {
    name: Option<String>,
    event_time: bool,
}

impl FieldOptions {
    fn parse(field: &syn::Field) -> Result<Self> {
        let mut options = Self::default();
        for attribute in field.attrs.iter().filter(|a| a.path().is_ident("row")) {
            attribute.parse_nested_meta(|meta| {
                if meta.path.is_ident("name") {
                    options.name = Some(meta.value()?.parse::<LitStr>()?.value());
                } else if meta.path.is_ident("event_time") {
                    options.event_time = true;
                } else {
                    return Err(meta.error("a field takes `name = \"...\"` or `event_time`"));
                }
                Ok(())
            })?;
        }
        Ok(options)
    }
}

/// What `#[row(keep_all)]` or `#[row(keep(...))]` on the struct says.
fn keep(input: &DeriveInput) -> Result<TokenStream> {
    let mut keep = quote!(::weir_sdk::Keep::None);
    for attribute in input.attrs.iter().filter(|a| a.path().is_ident("row")) {
        attribute.parse_nested_meta(|meta| {
            if meta.path.is_ident("keep_all") {
                keep = quote!(::weir_sdk::Keep::All);
            } else if meta.path.is_ident("keep") {
                let list;
                syn::parenthesized!(list in meta.input);
                let columns = Punctuated::<KeptColumn, Token![,]>::parse_terminated(&list)?;
                let pairs = columns.iter().map(|KeptColumn { from, to }| quote!((#from, #to)));
                keep = quote!(::weir_sdk::Keep::Columns(&[#(#pairs),*]));
            } else {
                return Err(meta.error("a row takes `keep_all` or `keep(column, other as new_name)`"));
            }
            Ok(())
        })?;
    }
    Ok(keep)
}

/// `price`, `"dep-delay"`, `price as dollars`
struct KeptColumn {
    from: String,
    to: String,
}

impl Parse for KeptColumn {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let name = |input: ParseStream<'_>| -> Result<String> {
            if input.peek(LitStr) {
                Ok(input.parse::<LitStr>()?.value())
            } else {
                Ok(input.call(Ident::parse_any)?.unraw().to_string())
            }
        };
        let from = name(input)?;
        let to = if input.parse::<Option<Token![as]>>()?.is_some() { name(input)? } else { from.clone() };
        Ok(Self { from, to })
    }
}
