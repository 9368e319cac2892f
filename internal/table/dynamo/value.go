package dynamo

import (
	"fmt"
	"strconv"

	"keyfob/internal/table"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// encodeKey writes a key as the SDK's attribute map.
func encodeKey(k table.Key) map[string]types.AttributeValue {
	return map[string]types.AttributeValue{
		table.AttrPK: &types.AttributeValueMemberS{Value: k.PK},
		table.AttrSK: &types.AttributeValueMemberS{Value: k.SK},
	}
}

// encodeItem writes an item as the SDK's attribute map. The item has passed table.Validate.
func encodeItem(it table.Item) map[string]types.AttributeValue {
	m := make(map[string]types.AttributeValue, len(it))
	for name, v := range it {
		m[name] = encode(v)
	}
	return m
}

func encode(v table.Value) types.AttributeValue {
	switch v := v.(type) {
	case table.S:
		return &types.AttributeValueMemberS{Value: string(v)}
	case table.N:
		return &types.AttributeValueMemberN{Value: strconv.FormatInt(int64(v), 10)}
	case table.B:
		return &types.AttributeValueMemberB{Value: append([]byte{}, v...)} // the SDK writes nil bytes as null
	case table.Bool:
		return &types.AttributeValueMemberBOOL{Value: bool(v)}
	case table.Null:
		return &types.AttributeValueMemberNULL{Value: true}
	case table.L:
		l := make([]types.AttributeValue, len(v))
		for i, e := range v {
			l[i] = encode(e)
		}
		return &types.AttributeValueMemberL{Value: l}
	default:
		return &types.AttributeValueMemberM{Value: encodeItem(v.(table.Item))}
	}
}

// decodeItem reads the SDK's attribute map. A type that the role leaves out is an error that names the type.
func decodeItem(m map[string]types.AttributeValue) (table.Item, error) {
	it := make(table.Item, len(m))
	for name, a := range m {
		v, err := decode(a)
		if err != nil {
			return nil, err
		}
		it[name] = v
	}
	return it, nil
}

func decode(a types.AttributeValue) (table.Value, error) {
	switch a := a.(type) {
	case *types.AttributeValueMemberS:
		return table.S(a.Value), nil
	case *types.AttributeValueMemberN:
		n, err := strconv.ParseInt(a.Value, 10, 64)
		if err != nil {
			return nil, &table.Misuse{Reason: "a number is not a whole one within 64 bits"}
		}
		return table.N(n), nil
	case *types.AttributeValueMemberB:
		return table.B(a.Value), nil
	case *types.AttributeValueMemberBOOL:
		return table.Bool(a.Value), nil
	case *types.AttributeValueMemberNULL:
		return table.Null{}, nil
	case *types.AttributeValueMemberL:
		l := make(table.L, len(a.Value))
		for i, e := range a.Value {
			var err error
			if l[i], err = decode(e); err != nil {
				return nil, err
			}
		}
		return l, nil
	case *types.AttributeValueMemberM:
		return decodeItem(a.Value)
	}
	return nil, &table.Misuse{Reason: fmt.Sprintf("an attribute of type %T is none of Keyfob's", a)}
}
