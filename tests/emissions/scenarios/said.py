"""What every scenario asks: no imports, so that it loads in any environment."""

BRIEF = "Be brief."
PLAIN = "What is the capital of Norway?"
STREAMED = "Tell me of the sea."
WEATHER = "What is the weather in Oslo?"
MANUAL = "Summarise the manual."
PRIMES = "How many primes are below twenty?"
PICTURE = "What is in this picture?"
FAIL = "Fail, please."
FIRST = "My name is Ada."
FIRST_ANSWER = "Hello Ada."
SECOND = "What is my name?"
RIVER = "Which river runs through Paris?"
INSTRUCTED = "Where does it rain?"
EMBEDDED = ("fjord", "mountain")

MODEL = "gpt-4o-mini"
REASONER = "o4-mini"
EMBEDDER = "text-embedding-3-small"
CLAUDE = "claude-sonnet-4-5"
GEMINI = "gemini-2.5-flash"
LOCAL_MODEL = "llama3.2"
NOVA = "amazon.nova-pro-v1:0"
OPEN_MODEL = "llama-3.3-70b-versatile"

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
PIXEL_URL = f"data:image/png;base64,{PIXEL}"

TOOL_NAME = "get_weather"
TOOL_TEXT = "Says the weather in a city."
TOOL_SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOL_RESULT = "Rain, 7 degrees."
OPENAI_TOOL = {
    "type": "function",
    "function": {"name": TOOL_NAME, "description": TOOL_TEXT, "parameters": TOOL_SCHEMA},
}
RESPONSES_TOOL = {"type": "function", "name": TOOL_NAME, "description": TOOL_TEXT, "parameters": TOOL_SCHEMA}
ANTHROPIC_TOOL = {"name": TOOL_NAME, "description": TOOL_TEXT, "input_schema": TOOL_SCHEMA}

#: Whose call it was, where a library takes that along.
SESSION = "session-of-ada"
USER = "user-ada"
TAGS = ("red", "blue")
PLAN = "gold-plan"
