"""How nodes of the grammars are called here, so that one matcher holds for all languages."""

_NAMES_TEXT = """
identifier property_identifier field_identifier type_identifier
shorthand_property_identifier shorthand_property_identifier_pattern package_identifier
namespace_identifier constant name statement_identifier primitive_type predefined_type
integral_type boolean_type void_type floating_point_type hash_key_symbol word
private_property_identifier
"""
NAMES = frozenset(_NAMES_TEXT.split())
CANONICAL = {
    kind: canonical
    for canonical, kinds in {
        "call": "call call_expression function_call_expression invocation_expression",
        "member": """
            attribute member_expression field_access selector_expression field_expression
            member_access_expression scoped_identifier qualified_identifier qualified_name
            qualified_type scoped_type_identifier dotted_name nested_identifier
            class_constant_access_expression scoped_property_access_expression scope_resolution
            nullsafe_member_access_expression namespace_name
        """,
        "args": "argument_list arguments value_arguments annotation_argument_list",
        "params": """
            parameters formal_parameters parameter_list lambda_parameters method_parameters
            function_value_parameters block_parameters inferred_parameters
        """,
        "block": """
            block statement_block compound_statement module program source_file translation_unit
            compilation_unit declaration_list class_body body_statement constructor_body
            statement_list interface_body field_declaration_list do_block switch_block ERROR
        """,
        "decl": """
            lexical_declaration variable_declaration local_variable_declaration declaration
            var_declaration let_declaration field_declaration const_declaration
        """,
        "string": """
            string string_literal interpreted_string_literal raw_string_literal template_string
            encapsed_string verbatim_string_literal interpolated_string_expression
            system_lib_string heredoc nowdoc
        """,
        "backticks": "shell_command_expression subshell",
        "lambda": """
            arrow_function function_expression lambda_expression lambda func_literal
            anonymous_function anonymous_method_expression
        """,
        "method_declaration": "local_function_statement",
        "new": "new_expression object_creation_expression",
        "object": "object dictionary literal_value hash",
        "pair": "pair keyed_element",
        "binary": "binary_operator binary_expression boolean_operator comparison_operator binary",
        "subscript": """
            subscript subscript_expression index_expression array_access element_access_expression
            element_reference
        """,
        "array": "array list array_creation_expression array_initializer initializer_list",
        "kwarg": "keyword_argument",
        "param": """
            typed_parameter default_parameter typed_default_parameter required_parameter
            optional_parameter formal_parameter parameter simple_parameter parameter_declaration
            catch_formal_parameter
        """,
    }.items()
    for kind in kinds.split()
}
_UNWRAPPED_TEXT = """
expression_statement parenthesized_expression global_statement literal_element argument
local_declaration_statement type interpolation template_substitution expression_list
generic_type bracketed_argument_list jsx_expression
"""
UNWRAPPED = frozenset(_UNWRAPPED_TEXT.split())
FLATTENED = frozenset({"modifiers", "statement_list", "with_clause", "declarator_list"})
"""Their children stand for them."""
_DROPPED_TEXT = """
( ) { } ; , : . [ ] :: ?. -> => = := \\ def new async function func fn end then do
"""
DROPPED = frozenset(_DROPPED_TEXT.split())
"""Tokens that say nothing which the kind of their node does not say."""
_COMMENTS_TEXT = """
comment line_comment block_comment type_arguments type_parameters template_argument_list
optional_chain php_tag ?> implicit_type empty_statement
"""
COMMENTS = frozenset(_COMMENTS_TEXT.split())
"""Nodes that are not looked at: comments, and types' parameters, which patterns leave out."""
_OPTIONAL_TEXT = """
decorator annotation marker_annotation attribute_list modifier throws superclass
super_interfaces base_list base_class_clause class_heritage type_annotation returns
visibility_modifier function_modifiers storage_class_specifier type_qualifier else_clause
elif_clause finally_clause static public private protected final abstract synchronized
const_type access_specifier alternative superclass_list
"""
OPTIONAL = frozenset(_OPTIONAL_TEXT.split())
"""What code may have where a pattern has nothing."""
GO_IMPORTS = frozenset({"import_declaration", "import_spec_list"})
KEPT = frozenset(["args", "block", "params", "object", "array", "import_spec", "backticks"])
"""Kinds that stay where they have one child."""
_ASSIGNMENTS_TEXT = """
assignment assignment_expression variable_declarator init_declarator short_var_declaration
assignment_statement var_spec let_declaration resource named_expression
"""
ASSIGNMENTS = frozenset(_ASSIGNMENTS_TEXT.split())
_METHOD_CALLS_TEXT = """
method_invocation member_call_expression scoped_call_expression nullsafe_member_call_expression
"""
METHOD_CALLS = frozenset(_METHOD_CALLS_TEXT.split())
OPAQUE = frozenset({"regex", "regex_literal", "char_literal", "simple_symbol", "preproc_def"})
"""Nodes that are compared as they are written."""
