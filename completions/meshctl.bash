_clap_complete_meshctl() {
    local IFS=$'\013'
    local _CLAP_COMPLETE_SPACE=true
    compopt +o nospace 2> /dev/null && _CLAP_COMPLETE_SPACE=false
    local rest=$COMP_LINE words=() index=0 lead="" word last i
    for ((i = 0; i < ${#COMP_WORDS[@]}; i++)); do
        word=${COMP_WORDS[i]}
        last=$((${#words[@]} - 1))
        if ((i == 0)) || [[ $rest == [[:space:]]* || -z $rest ]]; then
            words+=("$word")
            last=$((last + 1))
            ((i == COMP_CWORD)) && words[last]=$2
        elif ((i == COMP_CWORD)); then
            lead=${words[last]}
            [[ $word == [=:]* ]] && lead+=$word
            words[last]=$lead$2
        else
            words[last]+=$word
        fi
        ((i == COMP_CWORD)) && index=$last
        [[ -n $word ]] && rest=${rest#*"$word"}
    done
    COMPREPLY=( $( \
        _CLAP_IFS="$IFS" \
        _CLAP_COMPLETE_INDEX="$index" \
        _CLAP_COMPLETE_COMP_TYPE="$COMP_TYPE" \
        _CLAP_COMPLETE_SPACE="$_CLAP_COMPLETE_SPACE" \
        COMPLETE="bash" \
        "meshctl" -- "${words[@]}" \
    ) )
    if [[ $? != 0 ]]; then
        unset COMPREPLY
        return
    fi
    COMPREPLY=("${COMPREPLY[@]#"$lead"}")
    local safe='^[[:alnum:]_./:=@,+%~-]*$'
    for ((i = 0; i < ${#COMPREPLY[@]}; i++)); do
        [[ ${COMPREPLY[i]} =~ $safe ]] || COMPREPLY[i]="'${COMPREPLY[i]//\'/\'\\\'\'}'"
    done
    if [[ $_CLAP_COMPLETE_SPACE == false && ${COMPREPLY-} =~ [=/:]$ ]]; then
        compopt -o nospace
    fi
}
if [[ ${BASH_VERSINFO[0]} -eq 4 && ${BASH_VERSINFO[1]} -ge 4 || ${BASH_VERSINFO[0]} -gt 4 ]]; then
    complete -o nospace -o bashdefault -o nosort -F _clap_complete_meshctl meshctl
else
    complete -o nospace -o bashdefault -F _clap_complete_meshctl meshctl
fi
